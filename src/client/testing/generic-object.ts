/** What the server in memory knows of any object. */
import type { KubeObject, ObjectMeta } from "../../api/object.ts";
import type { ListOptions } from "../client.ts";

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export interface Generic extends KubeObject {
  metadata: Mutable<ObjectMeta>;
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
}

export const out = (object: Generic): Generic => structuredClone(object);
export const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** Only Pods that a node runs stop gracefully; whoever deletes with 0 has stopped them. */
export function graceOf(object: Generic, asked: number | undefined): number {
  if (object.kind !== "Pod" || !object.spec?.nodeName) return 0;
  return asked ?? Number(object.spec.terminationGracePeriodSeconds ?? 30);
}

export function holdsNamespace(object: Generic): boolean {
  const finalizers = object.spec?.finalizers;
  return object.kind === "Namespace" && Array.isArray(finalizers) && finalizers.length > 0;
}

export function matches({ metadata }: Generic, { namespace, labelSelector }: ListOptions): boolean {
  if (namespace !== undefined && metadata.namespace !== namespace) return false;
  return (labelSelector ?? "").split(",").every((term) => {
    const [key = "", value] = term.split("=");
    return key === "" || (value === undefined ? key in (metadata.labels ?? {}) : metadata.labels?.[key] === value);
  });
}

/** RFC 7386. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  const result = (target && typeof target === "object" && !Array.isArray(target) ? target : {}) as Record<
    string,
    unknown
  >;
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

export function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === "object" && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
