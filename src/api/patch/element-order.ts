/** Order of a merged list: that of the patch or of its `$setElementOrder`, and between its items those that only the server has, where they stood. */
import { isJsonObject, jsonEqual } from "../json.ts";

interface Order {
  /** The patch's items, or the directive's list: merge keys as objects (`{name: "a"}`), or scalars. */
  readonly order: readonly unknown[];
  /** The list as it was before the patch. */
  readonly before: readonly unknown[];
  /** The merge key; undefined for lists of scalars. */
  readonly key: string | undefined;
}

function indexIn(list: readonly unknown[], item: unknown, key: string | undefined): number {
  const wanted = key && isJsonObject(item) ? item[key] : item;
  return list.findIndex((other) => jsonEqual(key && isJsonObject(other) ? other[key] : other, wanted));
}

/** `[a, x, b]` with order `[b, a]` and x known to the server only gives `[b, a, x]` or `[x, b, a]`, as near to `before` as can be. */
export function orderElements(list: readonly unknown[], { order, before, key }: Order): unknown[] {
  const place = (item: unknown): number => indexIn(before, item, key);
  const wanted = (item: unknown): number => indexIn(order, item, key);
  const named = list.filter((item) => wanted(item) >= 0).sort((a, b) => wanted(a) - wanted(b));
  const known = (item: unknown): number => (place(item) < 0 ? Number.MAX_SAFE_INTEGER : place(item));
  const others = list.filter((item) => wanted(item) < 0).sort((a, b) => known(a) - known(b));
  const result = [...named];
  let from = 0;
  for (const item of others) {
    const later = result.findIndex((candidate, index) => index >= from && place(candidate) > known(item));
    const at = later < 0 ? result.length : later;
    result.splice(at, 0, item);
    from = at + 1;
  }
  return result;
}
