/** What a kind needs beside its own pure rules when it is written, such as addresses from a pool. */
import type { FieldError, Kind } from "../../api/kind.ts";
import type { StoredObject } from "../codec.ts";
import type { User } from "../request.ts";

export interface Admitted {
  readonly faults: readonly FieldError[];
  /** Texts for `Warning` headers. */
  readonly warnings?: readonly string[];
  /** Called just before the object is handed to the store: what else it writes becomes durable with it, or earlier. Never rejects. */
  begin?(): Promise<void>;
  /** Called once when the write is durable. */
  commit(): void | Promise<void>;
  /** Called once when the write failed, or was only tried (dryRun). */
  revert(): void | Promise<void>;
}

export interface WriteHook {
  /** It only fills in the object, and may do so before webhooks see it and once more after them. */
  readonly repeatable?: boolean;
  /** Waits until a new object can be admitted. Throws ApiFault if it never can. */
  ready?(object: StoredObject): Promise<void>;
  /** Changes `object` in place, before validation. `old`: the stored one, of an update; `user`: who writes, unless the server itself does. */
  admit(object: StoredObject, old?: StoredObject, user?: User): Admitted;
  /** Called with what was stored when it is gone from the store. */
  removed?(object: StoredObject): void | Promise<void>;
}

export const admitted: Admitted = { faults: [], commit() {}, revert() {} };

/** A hook is found by the plural name, with the group if that is not the core's ("roles.rbac.authorization.k8s.io"), or without for built-in kinds. */
export function hookOf(hooks: ReadonlyMap<string, WriteHook>, kind: Kind): WriteHook | undefined {
  const { group, plural, published } = kind;
  return hooks.get(group ? `${plural}.${group}` : plural) ?? (published ? undefined : hooks.get(plural));
}
