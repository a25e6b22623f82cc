/** A collection as it comes, for somebody who keeps the objects himself; what comes before he listens waits for him. */
import type { KubeObject } from "../api/object.ts";
import type { Resource } from "../api/resource.ts";
import type { ApiClient } from "../client/client.ts";
import { type ReflectorOptions, type Sink, startReflector } from "../client/reflector.ts";

export type FeedSink<T> = Omit<Sink<T>, "complete">;

export interface Feed<T> {
  /** Resolves when all that was there at the start has come. */
  readonly synced: Promise<void>;
  /** Who gets it; to be called once. */
  into(sink: FeedSink<T>): void;
}

/** Its request goes out at once. */
export function startFeed<T extends KubeObject>(
  client: ApiClient,
  resource: Resource<T>,
  options: ReflectorOptions,
): Feed<T> {
  const { promise: synced, resolve: complete } = Promise.withResolvers<void>();
  let waiting: ((sink: FeedSink<T>) => void)[] = [];
  let sink: FeedSink<T> = {
    put: (object) => void waiting.push((to) => to.put(object)),
    remove: (last) => void waiting.push((to) => to.remove(last)),
    replace: (objects) => void waiting.push((to) => to.replace(objects)),
  };
  startReflector(client, resource, {
    ...options,
    early: true,
    sink: {
      put: (object) => sink.put(object),
      remove: (last) => sink.remove(last),
      replace: (objects) => sink.replace(objects),
      complete,
    },
  });
  return {
    synced,
    into(wanted) {
      sink = wanted;
      for (const step of waiting) step(sink);
      waiting = [];
    },
  };
}
