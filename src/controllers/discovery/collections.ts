/** A cache of every kind that is served: the controllers' own informers, and for all other kinds their metadata only. */
import type { KubeObject } from "../../api/object.ts";
import type { Informer } from "../../client/client.ts";
import { createInformer } from "../../client/informer.ts";
import { type Context, createQueue } from "../context.ts";
import { type Collection, collectionsOf, commonIndexes } from "../informers.ts";
import { discover, kindKey, resourceName, type Served } from "./served.ts";

export interface Collections {
  /** Those that are followed now; after the start the kinds beside the controllers' own come in bit by bit. */
  list(): readonly Collection[];
  /** By group and kind, in whatever version. */
  find(kind: { group: string; kind: string }): Collection | undefined;
  /** By `resourceName`. */
  get(name: string): Collection | undefined;
  /** Called for each collection that is followed, or will be. */
  onCollection(listener: (collection: Collection) => void): void;
  /** All kinds, as the server lists them at this moment. */
  served(): Promise<readonly Served[]>;
}

/** Starting can wait: nothing that is needed to serve the first Pod depends on it. */
const defaultDelayMs = 1000;

/** Nobody owns them or is owned by them, and they are many. */
const uncounted = new Set(["Event"]);

/** Their objects say which other kinds are served. */
const sources = new Set(["apiextensions.k8s.io CustomResourceDefinition", "apiregistration.k8s.io APIService"]);

export function startCollections(context: Context, { delayMs = defaultDelayMs } = {}): Collections {
  const collections = new Followed(context);
  const queue = createQueue(context, { name: "discovery", reconcile: () => collections.refresh(), concurrency: 1 });
  collections.onCollection(({ resource, informer }) => {
    if (sources.has(kindKey(resource))) informer.onChange(() => queue.add("all"));
  });
  queue.addAfter("all", delayMs);
  return collections;
}

/** An object's identity, without what only its kind's controller would read. */
function metadataOnly({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  const { managedFields: _, annotations: __, ...rest } = metadata;
  return { apiVersion, kind, metadata: rest };
}

class Followed implements Collections {
  readonly #context: Context;
  readonly #byName = new Map<string, Collection & { readonly end?: AbortController }>();
  readonly #byKind = new Map<string, Collection>();
  readonly #listeners: ((collection: Collection) => void)[] = [];

  constructor(context: Context) {
    this.#context = context;
    for (const collection of collectionsOf(context.informers)) this.#add(collection);
  }

  list(): readonly Collection[] {
    return [...this.#byName.values()];
  }

  find(kind: { group: string; kind: string }): Collection | undefined {
    return this.#byKind.get(kindKey(kind));
  }

  get(name: string): Collection | undefined {
    return this.#byName.get(name);
  }

  onCollection(listener: (collection: Collection) => void): void {
    this.#listeners.push(listener);
    for (const collection of this.list()) listener(collection);
  }

  served(): Promise<readonly Served[]> {
    return discover(this.#context.client);
  }

  /** One informer after the other, so that their first lists do not come all at once. */
  async refresh(): Promise<void> {
    const served = await this.served();
    const wanted = new Map(served.filter(isFollowed).map((one) => [resourceName(one), one]));
    for (const [name, { resource, end }] of this.#byName) {
      if (end && wanted.get(name)?.version !== resource.version) this.#drop(name);
    }
    for (const [name, resource] of wanted) {
      if (!this.#byName.has(name) && !this.#context.signal.aborted) await this.#follow(resource);
    }
  }

  async #follow(resource: Served): Promise<void> {
    const { client, log, signal } = this.#context;
    const end = new AbortController();
    const informer: Informer<KubeObject> = createInformer<KubeObject>(client, resource, {
      log,
      signal: AbortSignal.any([signal, end.signal]),
      indexes: commonIndexes,
      transform: metadataOnly,
    });
    this.#add({ resource, informer, end });
    await Promise.race([informer.synced, new Promise((resolve) => setTimeout(resolve, 1000).unref())]);
  }

  #add(collection: Collection & { readonly end?: AbortController }): void {
    this.#byName.set(resourceName(collection.resource), collection);
    this.#byKind.set(kindKey(collection.resource), collection);
    for (const listener of this.#listeners) listener(collection);
  }

  #drop(name: string): void {
    const collection = this.#byName.get(name);
    if (!collection) return;
    collection.end?.abort();
    this.#byName.delete(name);
    this.#byKind.delete(kindKey(collection.resource));
  }
}

function isFollowed({ kind, verbs }: Served): boolean {
  return !uncounted.has(kind) && ["list", "watch", "delete"].every((verb) => verbs.includes(verb));
}
