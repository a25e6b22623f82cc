/** The latest changes, bounded by count and by bytes, for watches from and lists at an older revision. */
import { CompactedError, type Entry, type Key, type WatchEvent } from "./store.ts";

/** The revision of a store that nothing was ever written to; as in etcd, so that "0" stays free to mean "any". */
export const originRevision = 1;

export interface HistoryLimits {
  readonly maxEvents: number;
  /** Of values that only the history keeps alive. */
  readonly maxBytes: number;
}

const maxAnswers = 64;

/** Superseded values are what history costs; the current ones live in the index anyway. */
function costOf(event: WatchEvent): number {
  return 128 + (event.previous?.value.length ?? 0) + (event.type === "delete" ? event.entry.value.length : 0);
}

/** Holds one event for each revision beyond `#compacted`, without gaps. */
export class History {
  readonly #limits: HistoryLimits;
  #events: WatchEvent[] = [];
  /** Events before this place are forgotten, and cut off now and then. */
  #start = 0;
  #compacted: number;
  #bytes = 0;
  /** What was asked since the last change: after a restart of the server many watchers come back with one revision. */
  readonly #answers = new Map<string, readonly WatchEvent[]>();

  constructor(limits: HistoryLimits, compacted = originRevision) {
    this.#limits = limits;
    this.#compacted = compacted;
  }

  /** The oldest revision to watch from or list at. */
  get oldest(): number {
    return this.#compacted === originRevision ? 0 : this.#compacted;
  }

  /** `event.entry.revision` is the last pushed one plus one. */
  push(event: WatchEvent): void {
    this.#answers.clear();
    this.#events.push(event);
    this.#bytes += costOf(event);
    while (this.#events.length - this.#start > this.#limits.maxEvents || this.#bytes > this.#limits.maxBytes) {
      this.#dropOldest();
    }
    this.#cut();
  }

  /** Forgets events up to and including `revision`. */
  compact(revision: number): void {
    this.#answers.clear();
    while (this.#compacted < revision && this.#start < this.#events.length) this.#dropOldest();
    this.#cut();
  }

  /** Events of keys with `prefix` and a revision beyond `from`; throws CompactedError. Askers of the same share the answer. */
  since(prefix: Key, from: number): readonly WatchEvent[] {
    if (from < this.oldest) throw new CompactedError(from, this.oldest);
    const asked = `${from} ${prefix}`;
    const found = this.#answers.get(asked) ?? this.#find(prefix, from);
    if (this.#answers.size >= maxAnswers) this.#answers.clear();
    this.#answers.set(asked, found);
    return found;
  }

  #find(prefix: Key, from: number): WatchEvent[] {
    const found: WatchEvent[] = [];
    for (let i = this.#start + Math.max(0, from - this.#compacted); i < this.#events.length; i++) {
      const event = this.#events[i] as WatchEvent;
      if (event.entry.key.startsWith(prefix)) found.push(event);
    }
    return found;
  }

  /** What keys with `prefix` that changed after `revision` held at it (undefined: nothing); throws CompactedError. */
  changedSince(prefix: Key, revision: number): Map<Key, Entry | undefined> {
    const states = new Map<Key, Entry | undefined>();
    for (const event of this.since(prefix, revision)) {
      if (!states.has(event.entry.key)) states.set(event.entry.key, event.previous);
    }
    return states;
  }

  #dropOldest(): void {
    this.#bytes -= costOf(this.#events[this.#start] as WatchEvent);
    this.#start++;
    this.#compacted++;
  }

  #cut(): void {
    const worthIt = this.#start >= 1024 && this.#start * 2 >= this.#events.length;
    if (!worthIt && this.#start < this.#events.length) return;
    this.#events = this.#events.slice(this.#start);
    this.#start = 0;
  }
}
