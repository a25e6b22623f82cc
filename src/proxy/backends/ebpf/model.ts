/** The desired elements, and what holds where it may differ. A key belongs to one Service at a time. */
import { type Elements, type Held, putElement } from "../nftables/elements.ts";
import type { Element } from "./render.ts";

export class Model {
  readonly desired: Elements = new Map();
  #held: Map<string, Map<string, string | undefined>> | undefined;
  /** Map and key of each element, in turns: there are many, and objects would weigh more than what they name. */
  readonly #byService = new Map<string, readonly string[]>();

  /** What the kernel had of the elements that were touched since; all others hold as desired. Undefined: nobody knows. */
  get held(): Held | undefined {
    return this.#held;
  }

  /** All that is desired holds now. */
  clean(): void {
    this.#held = new Map();
  }

  services(): IterableIterator<string> {
    return this.#byService.keys();
  }

  /** To replace several services, release all of them first: a key may move between them. */
  release(service: string): void {
    const names = this.#byService.get(service) ?? [];
    for (let at = 0; at < names.length; at += 2) {
      const [map = "", key = ""] = [names[at], names[at + 1]];
      this.#touch(map, key);
      this.desired.get(map)?.delete(key);
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
      this.#touch(map, key);
      putElement(this.desired, map, key, value);
    }
  }

  /** Before it is changed. */
  #touch(map: string, key: string): void {
    if (!this.#held) return;
    const held = this.#held.get(map) ?? new Map<string, string | undefined>();
    if (!held.has(key)) held.set(key, this.desired.get(map)?.get(key));
    this.#held.set(map, held);
  }
}
