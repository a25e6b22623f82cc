/** One page of a prefix, now or at an older revision: today's entries with the later changes taken back. */
import type { History } from "./history.ts";
import type { OrderedIndex } from "./ordered-index.ts";
import { CompactedError, type Entry, type Key, type ListResult } from "./store.ts";

interface Source {
  readonly index: OrderedIndex;
  readonly history: History;
  readonly revision: number;
}

/** `at` beyond the newest revision is a RangeError. */
export function listAt(
  { index, history, revision }: Source,
  prefix: Key,
  { limit, after, at = revision }: { limit?: number; after?: Key; at?: number },
): ListResult {
  if (at > revision) throw new RangeError(`Cannot list at revision ${at}: the newest is ${revision}`);
  if (at < history.oldest) throw new CompactedError(at, history.oldest);
  const max = limit !== undefined && limit > 0 ? limit : Number.POSITIVE_INFINITY;
  const changed = at < revision ? history.changedSince(prefix, at) : undefined;
  if (!changed || changed.size === 0) {
    const { entries, remaining } = index.range(prefix, after, max);
    return page(entries, remaining, at);
  }
  const all = takeBack(index.range(prefix, after).entries, changed, after);
  return page(all.slice(0, max), Math.max(0, all.length - max), at);
}

function page(entries: readonly Entry[], remaining: number, revision: number): ListResult {
  return { entries, revision, remaining, continueAfter: remaining > 0 ? entries.at(-1)?.key : undefined };
}

function takeBack(current: readonly Entry[], changed: ReadonlyMap<Key, Entry | undefined>, after?: Key): Entry[] {
  const kept = current.filter((entry) => !changed.has(entry.key));
  const before = [...changed.values()].filter((entry) => entry !== undefined);
  const inPage = before.filter((entry) => after === undefined || entry.key > after);
  return [...kept, ...inPage].sort((a, b) => (a.key < b.key ? -1 : 1));
}
