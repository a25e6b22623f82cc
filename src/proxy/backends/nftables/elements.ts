/** Elements by set and key: what holds in the kernel, and what should. */

/** Of a list (`Lists`) the key is the first one's, and the value all of theirs. */
export interface Element {
  readonly set: string;
  readonly key: string;
  /** Data, the chain that a verdict goes to, or "" in a plain set. */
  readonly value: string;
}

/** set → key → value */
export type Elements = Map<string, Map<string, string>>;

/** The same; undefined where there is none. */
export type Held = ReadonlyMap<string, ReadonlyMap<string, string | undefined>>;

/** set → keys: sets or maps of them. */
export type Keys = ReadonlyMap<string, Pick<ReadonlySet<string>, "keys">>;

/**
 * Sets in which one entry stands for many elements that are numbered on: its key is the first one's (a number of 4 bytes, and
 * the index), its value all of theirs in one text. By set the length of one value, e.g. `{ endpoints: 8 }`. Most elements are
 * a Service port's endpoints: 100,000 of them apart would be most of the memory, and most of the work.
 */
export type Lists = Readonly<Record<string, number>>;

export function putElement(elements: Elements, set: string, key: string, value: string): void {
  const held = elements.get(set);
  if (held) held.set(key, value);
  else elements.set(set, new Map([[key, value]]));
}
