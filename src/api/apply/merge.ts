/** The merge of an applied configuration into the live object: maps and keyed lists merge, everything else is replaced. */
import { cloneJson, isJsonObject, type JsonObject, setField } from "../json.ts";
import { childType, type FieldType, isAtomic } from "../schema-table.ts";
import { elementOf, itemsByElement, type ListType } from "./typed-list.ts";

/**
 * Order: that of the applied list for what both have; items that only the live list has keep their place before the
 * shared item that follows them, and stand before new ones. Live items with equal keys stay unless that key is applied.
 */
function mergeLists(live: readonly unknown[], applied: readonly unknown[], type: ListType): unknown[] {
  const wanted = itemsByElement(applied, type);
  const present = itemsByElement(live, type);
  const old = live.map((item) => ({ element: elementOf(item, type), item }));
  const next = [...wanted];
  const shared = next.map(([element]) => element).filter((element) => present.has(element));
  const result: unknown[] = [];
  let at = 0;
  for (const [element, item] of next) {
    // What is wanted elsewhere is passed over; it has its turn there.
    for (; at < old.length && old[at]?.element !== element; at++) {
      const passed = old[at];
      if (!passed) continue;
      if (!wanted.has(passed.element)) result.push(passed.item);
      else if (passed.element === shared[0]) break;
    }
    if (old[at]?.element === element) at++;
    if (shared[0] === element) shared.shift();
    result.push(mergeApplied(present.get(element), item, type.items));
  }
  return [
    ...result,
    ...old
      .slice(at)
      .filter((one) => !wanted.has(one.element))
      .map(({ item }) => item),
  ];
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
