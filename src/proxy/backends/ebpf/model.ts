/** The desired elements, and which of them may differ from what holds. A key belongs to one Service at a time. */
import { addKey, type Elements, type Keys, putElement } from "../nftables/elements.ts";
import type { Element } from "./render.ts";

export class Model {
  readonly desired: Elements = new Map();
  #dirty: Keys | undefined;
  readonly #byService = new Map<string, readonly Element[]>();

  /** Undefined: any. */
  get dirty(): Keys | undefined {
    return this.#dirty;
  }

  clean(): void {
    this.#dirty = new Map();
  }

  services(): IterableIterator<string> {
    return this.#byService.keys();
  }

  /** To replace several services, release all of them first: a key may move between them. */
  release(service: string): void {
    for (const { map, key } of this.#byService.get(service) ?? []) {
      this.desired.get(map)?.delete(key);
      this.#touch(map, key);
    }
    this.#byService.delete(service);
  }

  acquire(service: string, elements: readonly Element[]): void {
    if (elements.length > 0) this.#byService.set(service, elements);
    for (const { map, key, value } of elements) {
      putElement(this.desired, map, key, value);
      this.#touch(map, key);
    }
  }

  #touch(map: string, key: string): void {
    if (this.#dirty) addKey(this.#dirty, map, key);
  }
}
