/** Lists whose items are told apart by keys or by value: the path element of each item. */
import { isJsonObject } from "../json.ts";
import { type FieldType, keyDefault } from "../schema-table.ts";
import { badRequest } from "../status.ts";

type ListType = FieldType & { readonly kind: "list" };

/** The element of one item: `k:{"port":80,"protocol":"TCP"}` or `v:"a"`. Throws ApiFault when a key field is missing. */
export function elementOf(item: unknown, type: ListType): string {
  const keys = type.merge?.mapKeys;
  if (!keys) return `v:${JSON.stringify(item)}`;
  if (!isJsonObject(item))
    throw badRequest(
      `an item of a list with the keys ${keys.join(", ")} must be an object, not ${JSON.stringify(item)}`,
    );
  const values = [...keys].sort().flatMap((key) => {
    const value = item[key] ?? keyDefault(type.items, key);
    return value === undefined ? [] : [[key, value] as const];
  });
  if (values.length === 0)
    throw badRequest(`associative list with keys has an element that omits key field ${JSON.stringify(keys[0])}`);
  return `k:${JSON.stringify(Object.fromEntries(values))}`;
}

/** Items by element, in order. Of items with equal keys (old objects may have them) the last stands for all. */
export function itemsByElement(list: readonly unknown[], type: ListType): Map<string, unknown> {
  return new Map(list.map((item) => [elementOf(item, type), item]));
}
