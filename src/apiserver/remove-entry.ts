/** Takes an object out of the store. */
import type { Kind } from "../api/kind.ts";
import type { Entry } from "../store/store.ts";
import { hookOf } from "./admission/write-hook.ts";
import { encodeObject, objectOf, type StoredObject } from "./codec.ts";
import type { ServerContext } from "./context.ts";
import { storedForm } from "./stored-form.ts";

/** `object`: its last state, for watchers; it may not be used afterwards. Throws RevisionConflictError. */
export async function removeEntry(
  { store, hooks }: ServerContext,
  { kind, entry, object }: { kind: Kind; entry: Entry; object: StoredObject },
): Promise<Entry> {
  const removed = await store.delete(entry.key, entry.revision, encodeObject(await storedForm(kind, object)));
  await hookOf(hooks, kind)?.removed?.(objectOf(entry.value));
  return removed;
}
