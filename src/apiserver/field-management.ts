/** Keeps metadata.managedFields of what is written. */
import { updateManagedFields, type Write } from "../api/apply/apply.ts";
import type { Kind } from "../api/kind.ts";
import { apiVersionOf } from "../api/resource.ts";
import { type StoredObject, writableMeta } from "./codec.ts";
import { formatTime } from "./object-metadata.ts";

export interface Change {
  readonly kind: Kind;
  readonly manager: string;
  readonly subresource: string | undefined;
  readonly nowMs: number;
}

export function writeOf({ kind, manager, subresource, nowMs }: Change): Write {
  return {
    schema: kind.schema,
    manager,
    apiVersion: apiVersionOf(kind),
    time: formatTime(nowMs),
    hasStatus: kind.status,
    ...(subresource ? { subresource } : {}),
  };
}

/** Notes, in place, which fields `manager` has set by a create or update. Before addresses and ports are allocated: they have no owner. */
export function trackFields(next: StoredObject, old: StoredObject | undefined, change: Change): void {
  const metadata = writableMeta(next);
  const fields = updateManagedFields(old, next, writeOf(change));
  if (fields.length > 0) metadata.managedFields = fields;
  else delete metadata.managedFields;
}
