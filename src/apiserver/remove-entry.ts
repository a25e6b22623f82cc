/** Takes an object out of the store. */
import type { Kind } from "../api/kind.ts";
import type { Entry } from "../store/store.ts";
import { encodeObject, type StoredObject } from "./codec.ts";
import type { ServerContext } from "./context.ts";

/** `object`: its last state, for watchers; it may not be used afterwards. Throws RevisionConflictError. */
export async function removeEntry(
  { store, hooks }: ServerContext,
  { kind, entry, object }: { kind: Kind; entry: Entry; object: StoredObject },
): Promise<Entry> {
  const removed = await store.delete(entry.key, entry.revision, encodeObject(object));
  hooks.get(kind.plural)?.removed?.(object);
  return removed;
}
