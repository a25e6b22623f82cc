/** A cache of one collection, kept by list and watch. */
import type { KubeObject } from "../api/object.ts";
import type { Resource } from "../api/resource.ts";
import type { ApiClient, Change, Informer } from "./client.ts";
import { type Indexes, InformerCache } from "./informer-cache.ts";
import { type ReflectorOptions, startReflector } from "./reflector.ts";

export interface InformerOptions<T> extends ReflectorOptions {
  readonly indexes?: Indexes<T> | undefined;
  /** What of an object is kept, e.g. without managedFields, to save memory. */
  readonly transform?: ((object: T) => T) | undefined;
}

/**
 * Starts at once and goes on until `signal` aborts; failures are logged and retried with a back-off, and the cache
 * keeps its last state meanwhile. A history that is gone (410) leads to a new list, of which only the differences
 * reach the listeners.
 */
export function createInformer<T extends KubeObject>(
  client: ApiClient,
  resource: Resource<T>,
  options: InformerOptions<T>,
): Informer<T> {
  const cache = new InformerCache<T>(options.indexes);
  let listeners: readonly ((change: Change<T>) => void)[] = [];
  const { promise: synced, resolve: setSynced } = Promise.withResolvers<void>();
  const { transform = (object: T) => object } = options;

  const tell = (listener: (change: Change<T>) => void, change: Change<T>) => {
    try {
      listener(change);
    } catch (error) {
      // A fault of one listener must not starve the others, nor end the watch.
      options.log.error("informer's listener failed", { resource: resource.plural, error });
    }
  };
  const announce = (changes: readonly Change<T>[]) => {
    for (const change of changes) for (const listener of listeners) tell(listener, change);
  };

  startReflector(client, resource, {
    ...options,
    sink: {
      replace: (objects) => announce(cache.replace(objects.map(transform))),
      complete: setSynced,
      put: (object) => announce(cache.put(transform(object))),
      remove: (last) => announce(cache.remove(transform(last))),
    },
  });

  return {
    synced,
    get: (key) => cache.get(key),
    list: () => cache.list(),
    byIndex: (name, value) => cache.byIndex(name, value),
    onChange(listener) {
      listeners = [...listeners, listener];
      for (const object of cache.list()) tell(listener, { type: "added", object });
      return () => {
        listeners = listeners.filter((one) => one !== listener);
      };
    },
  };
}
