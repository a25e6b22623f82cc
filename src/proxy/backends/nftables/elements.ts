/** Elements by set and key: what holds in the kernel, and what should. */

/** set → key → value */
export type Elements = Map<string, Map<string, string>>;

/** The same; undefined where there is none. */
export type Held = ReadonlyMap<string, ReadonlyMap<string, string | undefined>>;

/** set → keys */
export type Keys = Map<string, Set<string>>;

export function putElement(elements: Elements, set: string, key: string, value: string): void {
  const held = elements.get(set);
  if (held) held.set(key, value);
  else elements.set(set, new Map([[key, value]]));
}

export function addKey(keys: Keys, set: string, key: string): void {
  const held = keys.get(set);
  if (held) held.add(key);
  else keys.set(set, new Set([key]));
}

export function keysOf(elements: Elements): Keys {
  return new Map([...elements].map(([set, held]) => [set, new Set(held.keys())]));
}
