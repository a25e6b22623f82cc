/** An informer that starts later: until then it is empty, and its listeners wait. */
import type { KubeObject } from "../api/object.ts";
import type { Change, Informer } from "../client/client.ts";

export function deferInformer<T extends KubeObject>(after: Promise<unknown>, start: () => Informer<T>): Informer<T> {
  let informer: Informer<T> | undefined;
  const waiting = new Set<(change: Change<T>) => void>();
  const ends = new Map<(change: Change<T>) => void, () => void>();
  const synced = after.then(() => {
    informer = start();
    for (const listener of waiting) ends.set(listener, informer.onChange(listener));
    waiting.clear();
    return informer.synced;
  });
  return {
    synced,
    get: (key) => informer?.get(key),
    list: () => informer?.list() ?? [].values(),
    byIndex: (name, value) => informer?.byIndex(name, value) ?? [],
    onChange(listener) {
      if (informer) return informer.onChange(listener);
      waiting.add(listener);
      return () => {
        waiting.delete(listener);
        ends.get(listener)?.();
      };
    },
  };
}
