/** The desired elements, and which are whose. A key belongs to one Service at a time. */
import { Desired } from "../nftables/desired.ts";
import type { Element } from "./render.ts";

export class Model {
  readonly desired = new Desired();
  /** Map and key of each element, in turns: there are many, and objects would weigh more than what they name. */
  readonly #byService = new Map<string, readonly string[]>();

  services(): IterableIterator<string> {
    return this.#byService.keys();
  }

  /** To replace several services, release all of them first: a key may move between them. */
  release(service: string): void {
    const names = this.#byService.get(service) ?? [];
    for (let at = 0; at < names.length; at += 2) this.desired.remove(names[at] ?? "", names[at + 1] ?? "");
    this.#byService.delete(service);
  }

  acquire(service: string, elements: readonly Element[]): void {
    if (elements.length > 0) {
      this.#byService.set(
        service,
        elements.flatMap(({ map, key }) => [map, key]),
      );
    }
    for (const element of elements) this.desired.put(element.map, element);
  }
}
