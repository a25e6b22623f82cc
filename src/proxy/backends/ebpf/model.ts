/** The desired elements, and which of them may differ from what holds. A key belongs to one Service at a time. */
import { addKey, type Elements, type Keys, putElement } from "../nftables/elements.ts";
import type { Element } from "./render.ts";

export class Model {
  readonly desired: Elements = new Map();
  #dirty: Keys | undefined;
  /** Map and key of each element, in turns: there are many, and objects would weigh more than what they name. */
  readonly #byService = new Map<string, readonly string[]>();

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
    const names = this.#byService.get(service) ?? [];
    for (let at = 0; at < names.length; at += 2) {
      const [map = "", key = ""] = [names[at], names[at + 1]];
      this.desired.get(map)?.delete(key);
      this.#touch(map, key);
    }
    this.#byService.delete(service);
  }

  acquire(service: string, elements: readonly Element[]): void {
    if (elements.length > 0) {
      this.#byService.set(
        service,
        elements.flatMap(({ map, key }) => [map, key]),
      );
    }
    for (const { map, key, value } of elements) {
      putElement(this.desired, map, key, value);
      this.#touch(map, key);
    }
  }

  #touch(map: string, key: string): void {
    if (this.#dirty) addKey(this.#dirty, map, key);
  }
}
