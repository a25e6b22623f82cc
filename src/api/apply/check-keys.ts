/** What is applied must say which list items it means. */
import { isJsonObject } from "../json.ts";
import { childType, type FieldType, isAtomic } from "../schema-table.ts";
import { badRequest } from "../status.ts";
import { elementOf, keyValue, type ListType } from "./typed-list.ts";

/** `[port=53,protocol="TCP"]`, or the value itself. */
function shownKey(item: unknown, type: ListType): string {
  const keys = type.merge?.mapKeys;
  if (!keys) return JSON.stringify(item);
  return `[${[...keys]
    .sort()
    .map((key) => `${key}=${JSON.stringify(keyValue(item, key, type))}`)
    .join(",")}]`;
}

function checkList(list: readonly unknown[], type: ListType, path: string): void {
  const seen = new Set<string>();
  list.forEach((item, index) => {
    const missing = type.merge?.mapKeys?.find((key) => keyValue(item, key, type) === undefined);
    const fault =
      missing && `associative list with keys has an element that omits key field ${JSON.stringify(missing)}`;
    if (fault) throw badRequest(`${path}: element ${index}: ${fault}`);
    const element = elementOf(item, type);
    if (seen.has(element)) throw badRequest(`${path}: duplicate entries for key ${shownKey(item, type)}`);
    seen.add(element);
    checkKeys(item, type.items, `${path}[${index}]`);
  });
}

/** Throws ApiFault (400) for an item without its key, and for two items with one key. */
export function checkKeys(value: unknown, type: FieldType | undefined, path = ""): void {
  if (!type || isAtomic(type)) return;
  if (type.kind === "list" && Array.isArray(value)) checkList(value, type, path);
  if (type.kind === "list" || !isJsonObject(value)) return;
  for (const [field, item] of Object.entries(value)) checkKeys(item, childType(type, field), `${path}.${field}`);
}
