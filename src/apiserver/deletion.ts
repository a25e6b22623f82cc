/** Decides what a DELETE does. Sources: Kubernetes "Garbage Collection", "Finalizers", Pod lifecycle "Termination of Pods". */
import { cloneJson } from "../api/json.ts";
import type { Kind } from "../api/kind.ts";
import type { Pod } from "../api/object.ts";
import { type StoredObject, writableMeta } from "./codec.ts";
import { isNamespaceKind } from "./keys.ts";
import { formatTime } from "./object-metadata.ts";

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagationPolicy?: "Orphan" | "Background" | "Foreground" | undefined;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string } | undefined;
}

export type Deletion =
  | { readonly kind: "remove" }
  /** It is marked, and goes when its finalizers are gone or its agent has stopped it. */
  | { readonly kind: "mark"; readonly object: StoredObject }
  /** Being deleted already; nothing to change. */
  | { readonly kind: "pending" };

const defaultGraceSeconds = 30;
const dependentFinalizers = ["orphan", "foregroundDeletion"];

/** Only Pods that an agent runs end gracefully. */
function graceOf(object: StoredObject, kind: Kind, asked: number | undefined): number {
  if (kind.group !== "" || kind.plural !== "pods") return 0;
  const { spec, status } = object as unknown as Pod;
  if (!spec.nodeName || status?.phase === "Succeeded" || status?.phase === "Failed") return 0;
  const seconds = asked ?? spec.terminationGracePeriodSeconds ?? defaultGraceSeconds;
  return seconds < 0 ? 1 : seconds;
}

/** Finalizers with the one that the policy asks for; without a policy they stay, or the kind has a policy. */
function finalizersFor(object: StoredObject, kind: Kind, asked: DeleteOptions["propagationPolicy"]): string[] {
  const finalizers = object.metadata.finalizers ?? [];
  const decided = finalizers.some((name) => dependentFinalizers.includes(name));
  const policy = asked ?? (kind.orphansByDefault && !decided ? "Orphan" : undefined);
  if (!policy) return finalizers;
  const wanted = policy === "Orphan" ? "orphan" : policy === "Foreground" ? "foregroundDeletion" : undefined;
  const others = finalizers.filter((name) => !dependentFinalizers.includes(name));
  return wanted ? [...others, wanted] : others;
}

const sameList = (a: readonly string[] = [], b: readonly string[] = []): boolean =>
  a.length === b.length && a.every((value, index) => value === b[index]);

/** Finalizers of a Namespace's spec keep it, too. */
function keepsNamespace(object: StoredObject, kind: Kind): boolean {
  if (kind.group !== "" || kind.plural !== "namespaces") return false;
  return ((object.spec as { finalizers?: string[] } | undefined)?.finalizers ?? []).length > 0;
}

export function decideDeletion(
  old: StoredObject,
  { kind, options, nowMs }: { kind: Kind; options: DeleteOptions; nowMs: number },
): Deletion {
  const finalizers = finalizersFor(old, kind, options.propagationPolicy);
  const grace = graceOf(old, kind, options.gracePeriodSeconds);
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = old.metadata;
  const held = finalizers.length > 0 || keepsNamespace(old, kind);
  if (grace === 0 && !held) return { kind: "remove" };
  const shorter = options.gracePeriodSeconds !== undefined && grace < deletionGracePeriodSeconds;
  if (deletionTimestamp && !shorter && sameList(finalizers, old.metadata.finalizers)) return { kind: "pending" };
  return { kind: "mark", object: mark(old, { kind, finalizers, grace, nowMs, timed: !deletionTimestamp || shorter }) };
}

function mark(
  old: StoredObject,
  {
    kind,
    finalizers,
    grace,
    nowMs,
    timed,
  }: { kind: Kind; finalizers: string[]; grace: number; nowMs: number; timed: boolean },
): StoredObject {
  const object = cloneJson(old);
  const metadata = writableMeta(object);
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  else delete metadata.finalizers;
  if (timed) {
    metadata.deletionTimestamp = formatTime(nowMs + grace * 1000);
    metadata.deletionGracePeriodSeconds = grace;
    if (metadata.generation) metadata.generation += 1;
  }
  if (isNamespaceKind(kind)) {
    object.status = { ...(object.status as object | undefined), phase: "Terminating" };
  }
  return object;
}

/** True if the write of `next` was the last thing that `old`'s deletion waited for. */
export function endsDeletion(next: StoredObject, kind: Kind): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = next.metadata;
  return (
    Boolean(deletionTimestamp) &&
    deletionGracePeriodSeconds === 0 &&
    finalizers.length === 0 &&
    !keepsNamespace(next, kind)
  );
}
