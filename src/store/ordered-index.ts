/** Entries in key order: sorted chunks, so that an insertion moves at most a few hundred references. */
import type { Entry, Key } from "./store.ts";

const maxChunkLength = 512;

interface Position {
  readonly chunk: number;
  readonly at: number;
}

/** First index in 0..length for which `before` is false; `before` holds for a head of the range. */
function partition(length: number, before: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (before(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function lastKey(chunk: readonly Entry[] | undefined): Key {
  return chunk?.at(-1)?.key ?? "";
}

/** Keys are ordered by UTF-16 code units, which for Kubernetes' ASCII keys is etcd's order of bytes. */
export class OrderedIndex {
  #chunks: Entry[][] = [];
  #count = 0;
  #valueBytes = 0;

  get count(): number {
    return this.#count;
  }

  /** Bytes of all values. */
  get valueBytes(): number {
    return this.#valueBytes;
  }

  get(key: Key): Entry | undefined {
    const { chunk, at } = this.#first((other) => other < key);
    const entry = this.#chunks[chunk]?.[at];
    return entry?.key === key ? entry : undefined;
  }

  /** Returns what it replaces. */
  set(entry: Entry): Entry | undefined {
    const { chunk, at } = this.#first((other) => other < entry.key);
    const entries = this.#chunks[chunk];
    const found = entries?.[at];
    this.#valueBytes += entry.value.length;
    if (entries && found?.key === entry.key) {
      this.#valueBytes -= found.value.length;
      entries[at] = entry;
      return found;
    }
    this.#count++;
    this.#insert(chunk, at, entry);
    return undefined;
  }

  /** Returns what it removes. */
  delete(key: Key): Entry | undefined {
    const { chunk, at } = this.#first((other) => other < key);
    const entries = this.#chunks[chunk];
    const entry = entries?.[at];
    if (!entries || entry?.key !== key) return undefined;
    this.#count--;
    this.#valueBytes -= entry.value.length;
    entries.splice(at, 1);
    if (entries.length === 0) this.#chunks.splice(chunk, 1);
    return entry;
  }

  /** Entries with `prefix` and, if given, a key beyond `after`; at most `limit`, and how many more there are. */
  range(prefix: Key, after?: Key, limit = Number.POSITIVE_INFINITY): { entries: Entry[]; remaining: number } {
    const start =
      after !== undefined && after >= prefix ? this.#first((key) => key <= after) : this.#first((key) => key < prefix);
    const end = this.#first((key) => key < prefix || key.startsWith(prefix));
    const total = Math.max(0, this.#rank(end) - this.#rank(start));
    const take = Math.min(total, limit);
    const entries: Entry[] = [];
    for (let chunk = start.chunk, at = start.at; entries.length < take; chunk++, at = 0) {
      const source = this.#chunks[chunk] ?? [];
      const stop = Math.min(source.length, at + take - entries.length);
      for (let i = at; i < stop; i++) entries.push(source[i] as Entry);
    }
    return { entries, remaining: total - take };
  }

  /** Where the first key is for which `before` does not hold. */
  #first(before: (key: Key) => boolean): Position {
    const chunks = this.#chunks;
    const chunk = partition(chunks.length, (i) => before(lastKey(chunks[i])));
    const entries = chunks[chunk];
    if (!entries) return { chunk, at: 0 };
    return { chunk, at: partition(entries.length, (i) => before((entries[i] as Entry).key)) };
  }

  #rank({ chunk, at }: Position): number {
    let rank = at;
    for (let i = 0; i < chunk; i++) rank += this.#chunks[i]?.length ?? 0;
    return rank;
  }

  #insert(chunk: number, at: number, entry: Entry): void {
    const entries = this.#chunks[chunk];
    if (entries) {
      entries.splice(at, 0, entry);
      this.#split(chunk, entries);
      return;
    }
    // Beyond the last key: grow the last chunk, so that sorted loading fills chunks.
    const last = this.#chunks.at(-1);
    if (last && last.length < maxChunkLength) last.push(entry);
    else this.#chunks.push([entry]);
  }

  #split(chunk: number, entries: Entry[]): void {
    if (entries.length <= maxChunkLength) return;
    this.#chunks.splice(chunk + 1, 0, entries.splice(maxChunkLength >>> 1));
  }
}
