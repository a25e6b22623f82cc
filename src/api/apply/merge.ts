/** The merge of an applied configuration into the live object: maps and keyed lists merge, everything else is replaced. */
import { cloneJson, isJsonObject, type JsonObject, setField } from "../json.ts";
import { childType, type FieldType, isAtomic } from "../schema-table.ts";
import { itemsByElement } from "./typed-list.ts";

type ListType = FieldType & { readonly kind: "list" };

/** Order: that of the applied list, and before each shared item what the live list alone has before it. */
function mergeLists(live: readonly unknown[], applied: readonly unknown[], type: ListType): unknown[] {
  const wanted = itemsByElement(applied, type);
  const present = itemsByElement(live, type);
  const rest = [...present.keys()];
  const result: unknown[] = [];
  for (const [element, item] of wanted) {
    const at = rest.indexOf(element);
    for (const passed of at >= 0 ? rest.splice(0, at + 1) : [])
      if (!wanted.has(passed)) result.push(present.get(passed));
    result.push(present.has(element) ? mergeApplied(present.get(element), item, type.items) : cloneJson(item));
  }
  return [...result, ...rest.filter((element) => !wanted.has(element)).map((element) => present.get(element))];
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
