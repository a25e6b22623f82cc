/** The desired elements, and what holds where it may differ: all others hold as desired, so that nothing is kept twice. */
import type { Elements, Held } from "./elements.ts";

export class Desired {
  readonly elements: Elements = new Map();
  #held: Map<string, Map<string, string | undefined>> | undefined;

  /** What the kernel had of the elements that changed since `clean`. Undefined: nobody knows. */
  get held(): Held | undefined {
    return this.#held;
  }

  /** Nothing has changed since `clean`. */
  get isClean(): boolean {
    return this.#held?.size === 0;
  }

  /** All that is desired holds now. */
  clean(): void {
    this.#held = new Map();
  }

  /** Returns what was desired before. */
  put(set: string, key: string, value: string): string | undefined {
    let entries = this.elements.get(set);
    if (!entries) {
      entries = new Map();
      this.elements.set(set, entries);
    }
    const before = entries.get(key);
    if (before === value) return before;
    this.#touch(set, key, before);
    entries.set(key, value);
    return before;
  }

  remove(set: string, key: string): void {
    const entries = this.elements.get(set);
    this.#touch(set, key, entries?.get(key));
    entries?.delete(key);
  }

  /** Before it is changed. */
  #touch(set: string, key: string, before: string | undefined): void {
    if (!this.#held) return;
    let held = this.#held.get(set);
    if (!held) {
      held = new Map();
      this.#held.set(set, held);
    }
    if (!held.has(key)) held.set(key, before);
  }
}
