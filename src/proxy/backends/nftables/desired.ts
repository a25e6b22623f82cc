/** The desired elements, and what holds where it may differ: all others hold as desired, so that nothing is kept twice. */
import type { Elements, Held, Lists } from "./elements.ts";
import { plan, type Step, type Steps } from "./plan.ts";

/** What has changed in one set. */
class SetChanges {
  /** All of it, while the set has only gained elements: so it is at a start, when each look-up counts. */
  #gained: Step[] | undefined = [];
  /** Else what the kernel had of each that changed. */
  #held = new Map<string, string | undefined>();

  get gained(): readonly Step[] | undefined {
    return this.#gained;
  }

  get held(): ReadonlyMap<string, string | undefined> {
    for (const { key } of this.#gained ?? []) this.#held.set(key, undefined);
    this.#gained = undefined;
    return this.#held;
  }

  /** The set had no such element. */
  gain(step: Step): void {
    if (this.#gained) this.#gained.push(step);
    else this.change(step.key, undefined);
  }

  change(key: string, before: string | undefined): void {
    if (!this.held.has(key)) this.#held.set(key, before);
  }
}

export class Desired {
  readonly elements: Elements = new Map();
  #changes: Map<string, SetChanges> | undefined;

  /** What the kernel had of the elements that changed since `clean`. Undefined: nobody knows. */
  get held(): Held | undefined {
    return this.#changes && new Map([...this.#changes].map(([set, changes]) => [set, changes.held]));
  }

  /** Nothing has changed since `clean`. */
  get isClean(): boolean {
    return this.#changes?.size === 0;
  }

  /** All that is desired holds now. */
  clean(): void {
    this.#changes = new Map();
  }

  /** From what holds to what is desired, for the elements that changed since `clean`. */
  steps(lists: Lists): Steps {
    const gains: Steps[number][] = [];
    const held = new Map<string, ReadonlyMap<string, string | undefined>>();
    for (const [set, changes] of this.#changes ?? []) {
      const { gained } = changes;
      if (!gained) held.set(set, changes.held);
      else if (gained.length > 0)
        gains.push({ set, valueLength: lists[set], added: gained, replaced: [], removed: [] });
    }
    return [...gains, ...plan(held, this.elements, held, lists)];
  }

  /** Returns what was desired before. */
  put(set: string, step: Step): string | undefined {
    const { key, value } = step;
    let entries = this.elements.get(set);
    if (!entries) {
      entries = new Map();
      this.elements.set(set, entries);
    }
    const before = entries.get(key);
    if (before === value) return before;
    if (before === undefined) this.#changesOf(set)?.gain(step);
    else this.#changesOf(set)?.change(key, before);
    entries.set(key, value);
    return before;
  }

  remove(set: string, key: string): void {
    const entries = this.elements.get(set);
    const before = entries?.get(key);
    if (before === undefined) return;
    this.#changesOf(set)?.change(key, before);
    entries?.delete(key);
  }

  #changesOf(set: string): SetChanges | undefined {
    if (!this.#changes) return undefined;
    let changes = this.#changes.get(set);
    if (!changes) {
      changes = new SetChanges();
      this.#changes.set(set, changes);
    }
    return changes;
  }
}
