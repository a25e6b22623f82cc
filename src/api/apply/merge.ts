/** The merge of an applied configuration into the live object: maps and keyed lists merge, everything else is replaced. */
import { cloneJson, isJsonObject, type JsonObject, setField } from "../json.ts";
import { childType, type FieldType, isAtomic } from "../schema-table.ts";
import { elementOf, itemsByElement, type ListType } from "./typed-list.ts";

/**
 * Order: that of the applied list, and before each shared item what the live list alone has before it.
 * Live items with equal keys stay as they are unless that key is applied.
 */
function mergeLists(live: readonly unknown[], applied: readonly unknown[], type: ListType): unknown[] {
  const wanted = itemsByElement(applied, type);
  const present = itemsByElement(live, type);
  let rest = live.map((item) => ({ element: elementOf(item, type), item }));
  const result: unknown[] = [];
  for (const [element, item] of wanted) {
    const at = rest.findIndex((candidate) => candidate.element === element);
    const passed = rest.slice(0, Math.max(at, 0));
    result.push(...passed.filter((candidate) => !wanted.has(candidate.element)).map((candidate) => candidate.item));
    result.push(mergeApplied(present.get(element), item, type.items));
    rest = at < 0 ? rest : rest.slice(at + 1);
  }
  return [...result, ...rest.filter(({ element }) => !wanted.has(element)).map(({ item }) => item)];
}

/** Neither argument is changed. */
export function mergeApplied(live: unknown, applied: unknown, type: FieldType | undefined): unknown {
  if (!type || isAtomic(type) || live === undefined || live === null) return cloneJson(applied);
  if (type.kind === "list")
    return Array.isArray(live) && Array.isArray(applied) ? mergeLists(live, applied, type) : cloneJson(applied);
  if (!isJsonObject(live) || !isJsonObject(applied)) return cloneJson(applied);
  const result: JsonObject = { ...live };
  for (const [field, value] of Object.entries(applied)) {
    setField(
      result,
      field,
      mergeApplied(Object.hasOwn(live, field) ? live[field] : undefined, value, childType(type, field)),
    );
  }
  return result;
}
