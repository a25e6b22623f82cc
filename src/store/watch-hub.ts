/** Hands each batch of events to the watchers of a prefix; watchers of one prefix share one array. */
import type { Key, WatchEvent } from "./store.ts";

type OnEvents = (events: readonly WatchEvent[], revision: number) => void;

interface Watcher {
  /** Events up to this revision are not for it (any more). */
  since: number;
  readonly onEvents: OnEvents;
}

/** `onError` is told what a watcher threw; that watcher is closed, the others go on. */
export class WatchHub {
  readonly #onError: (error: unknown) => void;
  readonly #byPrefix = new Map<Key, Set<Watcher>>();
  /** How many prefixes there are of each length: an event looks its own key's heads of these lengths up. */
  readonly #lengths = new Map<number, number>();

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** `backlog`: what it gets first, in a microtask. `since`: the newest revision that the backlog covers. */
  add(
    prefix: Key,
    { backlog, since, revision }: { backlog: readonly WatchEvent[]; since: number; revision: number },
    onEvents: OnEvents,
  ): { close(): void } {
    const watcher: Watcher = { since, onEvents };
    const watchers = this.#watchersOf(prefix);
    watchers.add(watcher);
    if (backlog.length > 0) {
      queueMicrotask(() => {
        if (watchers.has(watcher)) this.#call(prefix, watcher, backlog, revision);
      });
    }
    return { close: () => this.#remove(prefix, watcher) };
  }

  /** `events` became durable together; `revision` is the last one's. */
  publish(events: readonly WatchEvent[], revision: number): void {
    for (const [prefix, own] of this.#group(events)) {
      const first = (own[0] as WatchEvent).entry.revision;
      for (const watcher of this.#byPrefix.get(prefix) ?? []) {
        if (watcher.since >= revision) continue;
        const fresh = watcher.since < first ? own : own.filter((event) => event.entry.revision > watcher.since);
        if (fresh.length > 0) this.#call(prefix, watcher, fresh, revision);
      }
    }
  }

  clear(): void {
    for (const watchers of this.#byPrefix.values()) watchers.clear();
    this.#byPrefix.clear();
    this.#lengths.clear();
  }

  #group(events: readonly WatchEvent[]): Map<Key, WatchEvent[]> {
    const groups = new Map<Key, WatchEvent[]>();
    for (const event of events) {
      for (const length of this.#lengths.keys()) {
        const prefix = event.entry.key.slice(0, length);
        if (prefix.length < length || !this.#byPrefix.has(prefix)) continue;
        const group = groups.get(prefix);
        if (group) group.push(event);
        else groups.set(prefix, [event]);
      }
    }
    return groups;
  }

  #call(prefix: Key, watcher: Watcher, events: readonly WatchEvent[], revision: number): void {
    try {
      watcher.onEvents(events, revision);
    } catch (error) {
      this.#remove(prefix, watcher);
      this.#onError(error);
    }
  }

  #watchersOf(prefix: Key): Set<Watcher> {
    let watchers = this.#byPrefix.get(prefix);
    if (!watchers) {
      watchers = new Set();
      this.#byPrefix.set(prefix, watchers);
      this.#lengths.set(prefix.length, (this.#lengths.get(prefix.length) ?? 0) + 1);
    }
    return watchers;
  }

  #remove(prefix: Key, watcher: Watcher): void {
    const watchers = this.#byPrefix.get(prefix);
    if (!watchers?.delete(watcher) || watchers.size > 0) return;
    this.#byPrefix.delete(prefix);
    const left = (this.#lengths.get(prefix.length) ?? 1) - 1;
    if (left > 0) this.#lengths.set(prefix.length, left);
    else this.#lengths.delete(prefix.length);
  }
}
