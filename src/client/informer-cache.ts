/** The objects of an informer, by key and by index. */
import { type KubeObject, objectKey } from "../api/object.ts";
import type { Change } from "./client.ts";

/** Index name → the values under which an object is found; they must depend on the object only. */
export type Indexes<T> = Readonly<Record<string, (object: T) => readonly string[]>>;

export class InformerCache<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes: readonly (readonly [name: string, values: Indexes<T>[string]])[];
  readonly #byIndex = new Map<string, Map<string, Map<string, T>>>();

  constructor(indexes: Indexes<T> = {}) {
    this.#indexes = Object.entries(indexes);
    for (const [name] of this.#indexes) this.#byIndex.set(name, new Map());
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  list(): IterableIterator<T> {
    return this.#objects.values();
  }

  byIndex(name: string, value: string): readonly T[] {
    const index = this.#byIndex.get(name);
    if (!index) throw new RangeError(`Cannot look up the index "${name}": it was not named when the informer was made`);
    return [...(index.get(value)?.values() ?? [])];
  }

  /** Puts the object in; undefined when it is there in the same version. A new uid is a deletion and an addition. */
  put(object: T): Change<T>[] {
    const key = objectKey(object);
    const old = this.#objects.get(key);
    if (old && old.metadata.resourceVersion === object.metadata.resourceVersion && sameUid(old, object)) return [];
    if (old) this.#unindex(key, old);
    this.#objects.set(key, object);
    this.#index(key, object);
    if (!old) return [{ type: "added", object }];
    if (sameUid(old, object)) return [{ type: "updated", object, old }];
    return [
      { type: "deleted", object: old },
      { type: "added", object },
    ];
  }

  /** Takes the object out; `last` is its last state. */
  remove(last: T): Change<T>[] {
    const key = objectKey(last);
    const old = this.#objects.get(key);
    if (!old) return [];
    this.#objects.delete(key);
    this.#unindex(key, old);
    return [{ type: "deleted", object: last }];
  }

  /** Becomes what `objects` says; the changes that lead there. */
  replace(objects: Iterable<T>): Change<T>[] {
    const wanted = new Map<string, T>();
    for (const object of objects) wanted.set(objectKey(object), object);
    const gone = [...this.#objects].flatMap(([key, object]) => (wanted.has(key) ? [] : this.remove(object)));
    return [...gone, ...[...wanted.values()].flatMap((object) => this.put(object))];
  }

  #index(key: string, object: T): void {
    for (const [name, values] of this.#indexes) {
      const index = this.#byIndex.get(name);
      for (const value of values(object)) {
        const found = index?.get(value);
        if (found) found.set(key, object);
        else index?.set(value, new Map([[key, object]]));
      }
    }
  }

  #unindex(key: string, object: T): void {
    for (const [name, values] of this.#indexes) {
      const index = this.#byIndex.get(name);
      for (const value of values(object)) {
        const found = index?.get(value);
        found?.delete(key);
        if (found?.size === 0) index?.delete(value);
      }
    }
  }
}

const sameUid = (one: KubeObject, other: KubeObject): boolean => one.metadata.uid === other.metadata.uid;
