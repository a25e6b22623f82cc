/**
 * An informer's cache with this process's own writes on top, so that a reconcile that follows a write at once sees it,
 * though the watch has not brought it yet. (Otherwise it would, say, create the same Pods a second time.)
 */
import { type KubeObject, objectKey } from "../api/object.ts";
import type { Resource } from "../api/resource.ts";
import { type ApiClient, type Change, type Informer, isNotFound } from "./client.ts";
import type { Indexes } from "./informer-cache.ts";

export interface WriteThrough<T extends KubeObject> {
  get(key: string): T | undefined;
  byIndex(name: string, value: string): readonly T[];
  create(object: T): Promise<T>;
  update(object: T, options?: { subresource?: string }): Promise<T>;
  /** With the object's uid as precondition; one that is gone already is no error. */
  delete(object: T, options?: Parameters<ApiClient["delete"]>[2]): Promise<void>;
}

/** What we wrote, until the informer has it or something newer. */
type Own<T> = { readonly kind: "written"; readonly object: T } | { readonly kind: "deleted"; readonly uid: string };

/** Orders resource versions: decimal numbers of any length, without leading zeros. */
export function compareResourceVersions(one: string, other: string): number {
  return one.length - other.length || (one < other ? -1 : one > other ? 1 : 0);
}

export function createWriteThrough<T extends KubeObject>(
  client: ApiClient,
  resource: Resource<T>,
  { informer, indexes }: { informer: Informer<T>; indexes: Indexes<T> },
): WriteThrough<T> {
  return new Overlay(client, resource, informer, indexes);
}

class Overlay<T extends KubeObject> implements WriteThrough<T> {
  readonly #client: ApiClient;
  readonly #resource: Resource<T>;
  readonly #informer: Informer<T>;
  readonly #indexes: Indexes<T>;
  readonly #own = new Map<string, Own<T>>();
  #underWay = 0;
  /** Uids whose deletion the informer saw while a write was under way: the write's answer may come after it. */
  readonly #goneMeanwhile = new Set<string>();

  constructor(client: ApiClient, resource: Resource<T>, informer: Informer<T>, indexes: Indexes<T>) {
    this.#client = client;
    this.#resource = resource;
    this.#informer = informer;
    this.#indexes = indexes;
    informer.onChange((change) => this.#confirm(change));
  }

  get(key: string): T | undefined {
    const own = this.#own.get(key);
    if (own) return own.kind === "written" ? own.object : undefined;
    return this.#informer.get(key);
  }

  byIndex(name: string, value: string): readonly T[] {
    const cached = this.#informer.byIndex(name, value);
    if (this.#own.size === 0) return cached;
    const written = [...this.#own.values()].flatMap((own) =>
      own.kind === "written" && this.#indexes[name]?.(own.object).includes(value) ? [own.object] : [],
    );
    return [...cached.filter((object) => !this.#own.has(objectKey(object))), ...written];
  }

  create(object: T): Promise<T> {
    return this.#write(() => this.#client.create(this.#resource, object));
  }

  update(object: T, options?: { subresource?: string }): Promise<T> {
    return this.#write(() => this.#client.update(this.#resource, object, options));
  }

  async delete(object: T, options: Parameters<ApiClient["delete"]>[2] = {}): Promise<void> {
    const { uid = "" } = object.metadata;
    try {
      await this.#client.delete(this.#resource, object.metadata, { preconditions: { uid }, ...options });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    const cached = this.#informer.get(objectKey(object));
    const pending = cached?.metadata.uid === uid && !cached.metadata.deletionTimestamp;
    if (pending) this.#own.set(objectKey(object), { kind: "deleted", uid });
    else this.#own.delete(objectKey(object));
  }

  async #write(write: () => Promise<T>): Promise<T> {
    this.#underWay++;
    try {
      const object = await write();
      const { uid = "", resourceVersion = "" } = object.metadata;
      const cached = this.#informer.get(objectKey(object));
      const late = compareResourceVersions(cached?.metadata.resourceVersion ?? "", resourceVersion) >= 0;
      if (!late && !this.#goneMeanwhile.has(uid)) this.#own.set(objectKey(object), { kind: "written", object });
      return object;
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) this.#goneMeanwhile.clear();
    }
  }

  #confirm({ type, object }: Change<T>): void {
    const { uid = "", resourceVersion = "", deletionTimestamp } = object.metadata;
    if (type === "deleted" && this.#underWay > 0) this.#goneMeanwhile.add(uid);
    const key = objectKey(object);
    const own = this.#own.get(key);
    if (!own) return;
    const confirmed =
      own.kind === "deleted"
        ? type === "deleted" || deletionTimestamp !== undefined || uid !== own.uid
        : compareResourceVersions(resourceVersion, own.object.metadata.resourceVersion ?? "") >= 0;
    if (confirmed) this.#own.delete(key);
  }
}
