/** Lists whose items are told apart by keys or by value: the path element of each item. */
import { isJsonObject } from "../json.ts";
import { type FieldType, keyDefault } from "../schema-table.ts";

export type ListType = FieldType & { readonly kind: "list" };

/** The value of one key of an item; a port's protocol may be left out. */
export function keyValue(item: unknown, key: string, type: ListType): unknown {
  const value = isJsonObject(item) ? item[key] : undefined;
  return value ?? keyDefault(type.items, key);
}

/** The element of one item: `k:{"port":80,"protocol":"TCP"}` or `v:"a"`. A missing key is left out. */
export function elementOf(item: unknown, type: ListType): string {
  const keys = type.merge?.mapKeys;
  if (!keys) return `v:${JSON.stringify(item)}`;
  return `k:${JSON.stringify(Object.fromEntries([...keys].sort().map((key) => [key, keyValue(item, key, type)])))}`;
}

/** Items by element, in order. Of items with equal keys (a node has two internal addresses) the last stands for all. */
export function itemsByElement(list: readonly unknown[], type: ListType): Map<string, unknown> {
  return new Map(list.map((item) => [elementOf(item, type), item]));
}
