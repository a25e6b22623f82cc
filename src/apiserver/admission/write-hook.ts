/** What a kind needs beside its own pure rules when it is written, such as addresses from a pool. */
import type { FieldError } from "../../api/kind.ts";
import type { StoredObject } from "../codec.ts";

export interface Admitted {
  readonly faults: readonly FieldError[];
  /** Called once when the write is durable. */
  commit(): void;
  /** Called once when the write failed, or was only tried (dryRun). */
  revert(): void;
}

export interface WriteHook {
  /** Changes `object` in place, before validation; `old`: the stored one, of an update. */
  admit(object: StoredObject, old?: StoredObject): Admitted;
  /** Called when `object` is gone from the store. */
  removed?(object: StoredObject): void;
}

export const admitted: Admitted = { faults: [], commit() {}, revert() {} };
