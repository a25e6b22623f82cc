/** Objects of one collection in memory, kept by the store's watch: up to date as soon as a write is acknowledged. */
import type { KubeObject } from "../api/object.ts";
import type { Resource } from "../api/resource.ts";
import type { Store } from "../store/store.ts";
import { objectOf } from "./codec.ts";
import { collectionPrefix } from "./keys.ts";

export interface CacheOptions<T extends KubeObject, Kept> {
  /** What is kept of an object. */
  readonly keep: (object: T) => Kept;
  /** Called for each change; `next` undefined: it is gone. `key`: "namespace/name", or "name" of a cluster's object. */
  readonly onChange?: (key: string, next: Kept | undefined, old: Kept | undefined) => void;
  readonly signal: AbortSignal;
}

/** Resolves when all that is stored is in the cache. */
export async function createStoreCache<T extends KubeObject, Kept>(
  store: Store,
  resource: Resource<T>,
  { keep, onChange, signal }: CacheOptions<T, Kept>,
): Promise<ReadonlyMap<string, Kept>> {
  const prefix = collectionPrefix(resource);
  const cache = new Map<string, Kept>();
  const put = (key: string, value: Buffer): void => {
    const next = keep(objectOf(value) as unknown as T);
    const old = cache.get(key);
    cache.set(key, next);
    onChange?.(key, next, old);
  };
  const { entries, revision } = await store.list(prefix);
  for (const { key, value } of entries) put(key.slice(prefix.length), value);
  const watch = store.watch(prefix, revision, (events) => {
    for (const { type, entry } of events) {
      const key = entry.key.slice(prefix.length);
      if (type === "put") {
        put(key, entry.value);
      } else {
        const old = cache.get(key);
        cache.delete(key);
        onChange?.(key, undefined, old);
      }
    }
  });
  signal.addEventListener("abort", () => watch.close(), { once: true });
  return cache;
}
