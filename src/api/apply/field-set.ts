/**
 * Sets of field paths, and their form in `metadata.managedFields[].fieldsV1`:
 * `{"f:spec": {"f:ports": {"k:{\"port\":80}": {".": {}, "f:name": {}}}}}` holds `.spec.ports[port=80]` and its `.name`.
 * Elements: `f:` a field or a map's key, `k:` a list item by its keys (JSON, sorted), `v:` a list item by its value.
 */
import { isJsonObject, type JsonObject, setField } from "../json.ts";

/** Immutable. `member`: the path down to here is in the set itself. Children are never empty. */
export interface FieldSet {
  readonly member: boolean;
  readonly children: ReadonlyMap<string, FieldSet>;
}

export const emptySet: FieldSet = { member: false, children: new Map() };
export const leafSet: FieldSet = { member: true, children: new Map() };

export const isEmptySet = (set: FieldSet): boolean => !set.member && set.children.size === 0;

/** Parts that only one side has are shared, not copied. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(b)) return a;
  if (isEmptySet(a)) return b;
  const children = new Map(a.children);
  for (const [element, child] of b.children) {
    const own = children.get(element);
    children.set(element, own ? union(own, child) : child);
  }
  return { member: a.member || b.member, children };
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const [element, child] of a.children) {
    const other = b.children.get(element);
    const both = other && intersection(child, other);
    if (both && !isEmptySet(both)) children.set(element, both);
  }
  return { member: a.member && b.member, children };
}

export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a) || isEmptySet(b)) return a;
  const children = new Map<string, FieldSet>();
  for (const [element, child] of a.children) {
    const other = b.children.get(element);
    const left = other ? difference(child, other) : child;
    if (!isEmptySet(left)) children.set(element, left);
  }
  return { member: a.member && !b.member, children };
}

/** A set of one path and, unless `alone`, nothing below it. */
export function setOf(...paths: readonly (readonly string[])[]): FieldSet {
  const single = (path: readonly string[]): FieldSet =>
    path.reduceRight<FieldSet>((below, element) => ({ member: false, children: new Map([[element, below]]) }), leafSet);
  return paths.map(single).reduce(union, emptySet);
}

/** Without the given elements at the top and all that is below them. */
export function withoutElements(set: FieldSet, drop: (element: string) => boolean): FieldSet {
  return { member: set.member, children: new Map([...set.children].filter(([element]) => !drop(element))) };
}

export function parseFieldsV1(fields: unknown): FieldSet {
  if (!isJsonObject(fields)) return emptySet;
  const entries = Object.entries(fields);
  const children = new Map(
    entries.filter(([element]) => element !== ".").map(([element, below]) => [element, parseChild(below)]),
  );
  return { member: Object.hasOwn(fields, "."), children };
}

/** An empty object is a leaf: in the set, with nothing below. */
function parseChild(below: unknown): FieldSet {
  return isJsonObject(below) && Object.keys(below).length > 0 ? parseFieldsV1(below) : leafSet;
}

export function formatFieldsV1(set: FieldSet): JsonObject {
  const result: JsonObject = {};
  if (set.member) result["."] = {};
  for (const element of [...set.children.keys()].sort()) {
    const below = set.children.get(element) ?? emptySet;
    setField(result, element, below.children.size === 0 ? {} : formatFieldsV1(below));
  }
  return result;
}

/** `.name`, `[port=80,protocol="TCP"]`, `[="value"]`. */
function formatElement(element: string): string {
  const rest = element.slice(2);
  if (element.startsWith("f:")) return `.${rest}`;
  if (element.startsWith("v:")) return `[=${rest}]`;
  if (!element.startsWith("k:")) return `[${rest}]`;
  const keys = Object.entries(JSON.parse(rest) as JsonObject).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return `[${keys.join(",")}]`;
}

/** All paths in the set as text: `.spec.ports[port=80,protocol="TCP"].name`. */
export function formatPaths(set: FieldSet, prefix = ""): string[] {
  const own = set.member ? [prefix] : [];
  const below = [...set.children].sort(([a], [b]) => (a < b ? -1 : 1));
  return [...own, ...below.flatMap(([element, child]) => formatPaths(child, prefix + formatElement(element)))];
}
