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
  const children = new Map<string, { value: unknown; type: FieldType | undefined }>();
  for (const field of Object.keys(value)) {
    children.set(`f:${field}`, { value: value[field], type: childType(type, field) });
  }
  return children;
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
  const below = childrenOf(value, type);
  if (!below || below.size === 0) return leafSet;
  const children = new Map<string, FieldSet>();
  for (const [element, child] of below) children.set(element, allFields(child.value, child.type));
  return { member: true, children };
}

const same: Comparison = { added: emptySet, modified: emptySet, removed: emptySet };

const setOfChildren = (children: ReadonlyMap<string, FieldSet>): FieldSet =>
  children.size > 0 ? { member: false, children } : emptySet;

/** The paths that came, changed and went between two values of a type. */
export function compareFields(before: unknown, after: unknown, type: FieldType | undefined): Comparison {
  if (before === undefined) return after === undefined ? same : { ...same, added: allFields(after, type) };
  if (after === undefined) return { ...same, removed: allFields(before, type) };
  const [was, is] = [childrenOf(before, type), childrenOf(after, type)];
  if (!was || !is) return before === after || jsonEqual(before, after) ? same : { ...same, modified: leafSet };
  const added = new Map<string, FieldSet>();
  const modified = new Map<string, FieldSet>();
  const removed = new Map<string, FieldSet>();
  const compare = (element: string, child: FieldType | undefined): void => {
    const below = compareFields(was.get(element)?.value, is.get(element)?.value, child);
    if (!isEmptySet(below.added)) added.set(element, below.added);
    if (!isEmptySet(below.modified)) modified.set(element, below.modified);
    if (!isEmptySet(below.removed)) removed.set(element, below.removed);
  };
  for (const [element, child] of was) compare(element, is.get(element)?.type ?? child.type);
  for (const [element, child] of is) if (!was.has(element)) compare(element, child.type);
  return { added: setOfChildren(added), modified: setOfChildren(modified), removed: setOfChildren(removed) };
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
