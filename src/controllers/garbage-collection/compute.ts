/** What becomes of an object whose owners go (docs: "Garbage Collection", "Owners and Dependents"). */
import type { KubeObject, OwnerReference } from "../../api/object.ts";

/** State of an owner: there, gone, or waiting (deletion in the foreground) for its dependents. */
export type OwnerState = "present" | "absent" | "waiting";

export type Verdict =
  | { readonly kind: "keep" }
  /** Some owners are gone, others are there: only the references go. */
  | { readonly kind: "release"; readonly ownerReferences: OwnerReference[] }
  | { readonly kind: "delete"; readonly propagationPolicy: "Foreground" | "Background" };

export function judge(
  { metadata }: KubeObject,
  { stateOf, hasDependents }: { stateOf: (owner: OwnerReference) => OwnerState; hasDependents: boolean },
): Verdict {
  const owners = metadata.ownerReferences ?? [];
  const states = owners.map((owner) => ({ owner, state: stateOf(owner) }));
  if (owners.length === 0 || metadata.deletionTimestamp) return { kind: "keep" };
  const present = states.filter(({ state }) => state === "present");
  if (present.length === owners.length) return { kind: "keep" };
  if (present.length > 0) return { kind: "release", ownerReferences: present.map(({ owner }) => owner) };
  const waitedFor = states.some(({ owner, state }) => state === "waiting" && owner.blockOwnerDeletion);
  return { kind: "delete", propagationPolicy: waitedFor && hasDependents ? "Foreground" : "Background" };
}

export const foregroundFinalizer = "foregroundDeletion";
export const orphanFinalizer = "orphan";

/** What an object that is being deleted still has to do for its dependents. */
export function duty({ metadata }: KubeObject): "foreground" | "orphan" | undefined {
  if (!metadata.deletionTimestamp) return undefined;
  if (metadata.finalizers?.includes(orphanFinalizer)) return "orphan";
  return metadata.finalizers?.includes(foregroundFinalizer) ? "foreground" : undefined;
}
