/** Which paths an object has, and which ones two objects differ in. Source: Kubernetes "Server-Side Apply", merge strategy. */
import { isJsonObject, type JsonObject, jsonEqual } from "../json.ts";
import { childType, type FieldType, fieldsOf, isAtomic } from "../schema-table.ts";
import { emptySet, type FieldSet, isEmptySet, leafSet } from "./field-set.ts";
import { elementOf, itemsByElement } from "./typed-list.ts";

export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** What stands below a value: path element → value and its type. Undefined for what is replaced as a whole. */
export function childrenOf(
  value: unknown,
  type: FieldType | undefined,
): Map<string, { value: unknown; type: FieldType | undefined }> | undefined {
  if (!type || isAtomic(type)) return undefined;
  if (Array.isArray(value) && type.kind === "list") {
    return new Map(
      [...itemsByElement(value, type)].map(([element, item]) => [element, { value: item, type: type.items }]),
    );
  }
  if (!isJsonObject(value) || type.kind === "list") return undefined;
  return new Map(
    Object.entries(value).map(([field, item]) => [`f:${field}`, { value: item, type: childType(type, field) }]),
  );
}

/** The paths that an applier of `value` owns: leaves, items of keyed lists, and what is empty. */
export function appliedFields(value: unknown, type: FieldType | undefined): FieldSet {
  const below = childrenOf(value, type);
  if (!below || below.size === 0) return leafSet;
  const children = new Map<string, FieldSet>();
  for (const [element, child] of below) {
    const set = appliedFields(child.value, child.type);
    const named = !element.startsWith("f:") || (type?.kind === "map" && isJsonObject(child.value));
    children.set(element, named ? { ...set, member: true } : set);
  }
  return { member: false, children };
}

/** All paths down from a value that came or went as a whole. */
function allFields(value: unknown, type: FieldType | undefined): FieldSet {
  const children = [...(childrenOf(value, type) ?? [])].map(
    ([element, child]) => [element, allFields(child.value, child.type)] as const,
  );
  return { member: true, children: new Map(children) };
}

const pick = (children: readonly (readonly [string, Comparison])[], what: keyof Comparison): FieldSet => {
  const found = children.map(([element, comparison]) => [element, comparison[what]] as const);
  return { member: false, children: new Map(found.filter(([, set]) => !isEmptySet(set))) };
};

const same: Comparison = { added: emptySet, modified: emptySet, removed: emptySet };

/** The paths that came, changed and went between two values of a type. */
export function compareFields(before: unknown, after: unknown, type: FieldType | undefined): Comparison {
  if (before === undefined && after === undefined) return same;
  if (before === undefined) return { ...same, added: allFields(after, type) };
  if (after === undefined) return { ...same, removed: allFields(before, type) };
  const [was, is] = [childrenOf(before, type), childrenOf(after, type)];
  if (!was || !is) return jsonEqual(before, after) ? same : { ...same, modified: leafSet };
  const children = [...new Set([...was.keys(), ...is.keys()])].map((element) => {
    const child = is.get(element) ?? was.get(element);
    return [element, compareFields(was.get(element)?.value, is.get(element)?.value, child?.type)] as const;
  });
  return { added: pick(children, "added"), modified: pick(children, "modified"), removed: pick(children, "removed") };
}

/** Owning a field below `spec` is owning `spec`, for all parents that are fields of a type (not for keys of maps, nor items). */
export function withNamedParents(set: FieldSet, type: FieldType | undefined): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const [element, child] of set.children) {
    const below =
      type?.kind === "list"
        ? type.items
        : type && element.startsWith("f:")
          ? childType(type, element.slice(2))
          : undefined;
    const named = type?.kind === "object" && element.startsWith("f:") && fieldsOf(type.schema).has(element.slice(2));
    const closed = withNamedParents(child, below);
    children.set(element, named ? { ...closed, member: true } : closed);
  }
  return { member: set.member, children };
}

function removeFromObject(value: JsonObject, type: FieldType, set: FieldSet): JsonObject {
  const result: JsonObject = { ...value };
  for (const [field, item] of Object.entries(value)) {
    const gone = set.children.get(`f:${field}`);
    if (!gone) continue;
    const kept = gone.member ? undefined : removeFields(item, childType(type, field), gone);
    if (kept === undefined) delete result[field];
    else result[field] = kept;
  }
  return result;
}

/** The value without the paths of `set`; undefined when that leaves nothing of it. */
export function removeFields(value: unknown, type: FieldType | undefined, set: FieldSet): unknown {
  if (!type || isAtomic(type) || set.children.size === 0) return value;
  if (Array.isArray(value) && type.kind === "list") {
    const kept = value.flatMap((item) => {
      const gone = set.children.get(elementOf(item, type));
      if (gone?.member) return [];
      return [gone ? (removeFields(item, type.items, gone) ?? {}) : item];
    });
    return kept.length > 0 ? kept : undefined;
  }
  if (!isJsonObject(value)) return value;
  const kept = removeFromObject(value, type, set);
  return Object.keys(kept).length > 0 ? kept : undefined;
}
