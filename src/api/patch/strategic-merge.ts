/**
 * Strategic merge patch: a merge patch that knows which lists merge, and by which key.
 * Directives: $patch (replace, merge, delete), $retainKeys, $deleteFromPrimitiveList/x, $setElementOrder/x.
 * Source: Kubernetes "Update API Objects in Place Using kubectl patch", and the design page of strategic merge patch.
 */
import { cloneJson, isJsonObject, type JsonObject, jsonEqual, setField } from "../json.ts";
import { childType, type FieldType, objectType } from "../schema-table.ts";
import { badRequest } from "../status.ts";
import { orderElements } from "./element-order.ts";

const deletePrefix = "$deleteFromPrimitiveList/";
const orderPrefix = "$setElementOrder/";

type Type = FieldType | undefined;

const isMerging = (type: Type): boolean =>
  type?.kind === "list" && (type.merge?.strategy?.startsWith("merge") ?? false);
const mergeKeyOf = (type: Type): string | undefined =>
  type?.kind === "list" && isMerging(type) ? type.merge?.mergeKey : undefined;
const itemType = (type: Type): Type => (type?.kind === "list" ? type.items : undefined);

/** What a patch adds where there was nothing: its directives have done their work and go, and so do its nulls. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value
      .filter((item) => !(isJsonObject(item) && typeof item.$patch === "string" && item.$patch !== "merge"))
      .map(withoutDirectives);
  }
  if (!isJsonObject(value)) return cloneJson(value);
  const result: JsonObject = {};
  for (const [field, item] of Object.entries(value)) {
    if (!field.startsWith("$") && item !== null) setField(result, field, withoutDirectives(item));
  }
  return result;
}

function retained(original: JsonObject, patch: JsonObject): JsonObject {
  const keys = patch.$retainKeys;
  if (keys === undefined) return { ...original };
  if (!Array.isArray(keys)) throw badRequest("$retainKeys must be a list of field names");
  const missing = Object.entries(patch).find(
    ([field, value]) => !field.startsWith("$") && value !== null && !keys.includes(field),
  );
  if (missing) throw badRequest(`$retainKeys must name ${JSON.stringify(missing[0])}, which the patch sets`);
  return Object.fromEntries(Object.entries(original).filter(([field]) => keys.includes(field)));
}

function sameKey(item: unknown, key: string, value: unknown): boolean {
  return isJsonObject(item) && jsonEqual(item[key], value);
}

function mergeItem(list: unknown[], item: unknown, key: string, type: Type): void {
  if (!isJsonObject(item))
    throw badRequest(
      `a list that merges by ${JSON.stringify(key)} must hold objects, the patch has ${JSON.stringify(item)}`,
    );
  if (!Object.hasOwn(item, key))
    throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
  const at = list.findIndex((candidate) => sameKey(candidate, key, item[key]));
  if (item.$patch === "delete") {
    // All with that key: two ports may have one number (service-api S109).
    const kept = list.filter((candidate) => !sameKey(candidate, key, item[key]));
    list.splice(0, list.length, ...kept);
    return;
  }
  const before = at >= 0 ? list[at] : undefined;
  const merged = isJsonObject(before) ? mergeObject(before, item, itemType(type)) : withoutDirectives(item);
  if (at >= 0) list[at] = merged;
  else list.push(merged);
}

function mergeList(original: readonly unknown[], patch: readonly unknown[], type: Type): unknown[] {
  const key = mergeKeyOf(type);
  const replaces = patch.some(
    (item) => isJsonObject(item) && item.$patch === "replace" && (!key || !Object.hasOwn(item, key)),
  );
  if (replaces || !isMerging(type))
    return patch.filter((item) => !isJsonObject(item) || item.$patch !== "replace").map(withoutDirectives);
  const list = [...original];
  for (const item of patch) {
    if (key) mergeItem(list, item, key, type);
    else if (!list.some((present) => jsonEqual(present, item))) list.push(cloneJson(item));
  }
  return orderElements(list, { order: patch, before: original, key });
}

function mergeValue(original: unknown, patch: unknown, type: Type): unknown {
  if (type?.kind === "object" && type.merge?.strategy === "replace") return withoutDirectives(patch);
  if (isJsonObject(original) && isJsonObject(patch)) return mergeObject(original, patch, type);
  if (Array.isArray(original) && Array.isArray(patch)) return mergeList(original, patch, type);
  return Array.isArray(patch) ? mergeList([], patch, type) : withoutDirectives(patch);
}

/** Directives that stand beside a list: "$setElementOrder/ports". */
function applyBeside(
  result: JsonObject,
  directive: string,
  value: unknown,
  original: JsonObject,
  type: FieldType | undefined,
): void {
  const field = directive.slice(directive.indexOf("/") + 1);
  const list = result[field];
  if (!Array.isArray(value)) throw badRequest(`${directive} must be a list`);
  if (!Array.isArray(list)) return;
  if (directive.startsWith(deletePrefix))
    result[field] = list.filter((item) => !value.some((gone) => jsonEqual(gone, item)));
  else {
    const before = original[field];
    const key = mergeKeyOf(type && childType(type, field));
    result[field] = orderElements(list, { order: value, before: Array.isArray(before) ? before : [], key });
  }
}

function mergeObject(original: JsonObject, patch: JsonObject, type: Type): JsonObject {
  if (patch.$patch === "delete") return {};
  if (patch.$patch === "replace") return withoutDirectives(patch) as JsonObject;
  if (patch.$patch !== undefined && patch.$patch !== "merge")
    throw badRequest(`Unknown patch type: ${String(patch.$patch)}`);
  const result = retained(original, patch);
  const beside: [directive: string, value: unknown][] = [];
  for (const [field, value] of Object.entries(patch)) {
    if (field.startsWith(deletePrefix) || field.startsWith(orderPrefix)) beside.push([field, value]);
    else if (field === "$patch" || field === "$retainKeys") continue;
    else if (value === null) delete result[field];
    else
      setField(
        result,
        field,
        mergeValue(Object.hasOwn(result, field) ? result[field] : undefined, value, type && childType(type, field)),
      );
  }
  for (const [directive, value] of beside.sort()) applyBeside(result, directive, value, original, type);
  return result;
}

/** The patched copy. Throws ApiFault (400) for a patch that is none. */
export function strategicMerge(original: unknown, patch: unknown, schema: string): unknown {
  if (!isJsonObject(patch)) throw badRequest("a strategic merge patch must be an object");
  return mergeObject(isJsonObject(original) ? cloneJson(original) : {}, patch, objectType(schema));
}
