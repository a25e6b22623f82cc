/** The types of fields, by schema name ("io.k8s.api.core.v1.Service"). Source: schema.gen.json, see scripts/generate-schema.ts. */
import { atomicTypes, keyDefaults, type MergeFacts, mergeFacts, requiredFields } from "./merge-keys.ts";
import generated from "./schema.gen.json" with { type: "json" };

export type Scalar =
  | "string"
  | "boolean"
  | "int32"
  | "int64"
  | "double"
  | "time"
  | "microtime"
  | "bytes"
  | "intOrString"
  | "quantity"
  | "any";

export type FieldType =
  | { readonly kind: "scalar"; readonly scalar: Scalar }
  | { readonly kind: "list"; readonly items: FieldType; readonly merge: MergeFacts | undefined }
  | { readonly kind: "map"; readonly values: FieldType; readonly merge: MergeFacts | undefined }
  | { readonly kind: "object"; readonly schema: string; readonly merge: MergeFacts | undefined };

const tables: Readonly<Record<string, Readonly<Record<string, string>>>> = generated;
const parsed = new Map<string, ReadonlyMap<string, FieldType>>();

/** The table writes a list as "[]X", a map as "{}X", an object by its schema name, a scalar by its word. */
function parseType(text: string, merge?: MergeFacts): FieldType {
  if (text.startsWith("[]")) return { kind: "list", items: parseType(text.slice(2)), merge };
  if (text.startsWith("{}")) return { kind: "map", values: parseType(text.slice(2)), merge };
  return text.includes(".") ? { kind: "object", schema: text, merge } : { kind: "scalar", scalar: text as Scalar };
}

interface Defined {
  /** The type of fields that are not named. */
  readonly others: FieldType | undefined;
  readonly keyDefaults: Readonly<Record<string, string>>;
}

/** Schemas made at run time, of custom resources. */
const defined = new Map<string, Defined>();

/** Makes a schema known, or replaces it; its name must not be one of the published ones. */
export function defineSchema(schema: string, fields: ReadonlyMap<string, FieldType>, more: Defined): void {
  if (hasSchema(schema)) throw new TypeError(`Cannot define "${schema}": it is a published schema`);
  parsed.set(schema, fields);
  defined.set(schema, more);
}

/** Is it one of the published schemas? */
export function hasSchema(schema: string): boolean {
  return Object.hasOwn(tables, schema);
}

/** All schema names, sorted. */
export function schemaNames(): readonly string[] {
  return Object.keys(tables);
}

/** The fields of an object type; throws TypeError for a schema that there is not. */
export function fieldsOf(schema: string): ReadonlyMap<string, FieldType> {
  const known = parsed.get(schema);
  if (known) return known;
  const table = Object.hasOwn(tables, schema) ? tables[schema] : undefined;
  if (!table) throw new TypeError(`Cannot read fields of "${schema}": there is no such schema`);
  const facts = mergeFacts[schema] ?? {};
  const fields = new Map(Object.entries(table).map(([name, type]) => [name, parseType(type, facts[name])]));
  parsed.set(schema, fields);
  return fields;
}

/** Written even when it is empty: required fields, and the lists of an EndpointSlice. */
export function isRequired(schema: string, field: string): boolean {
  if (schema === "io.k8s.api.discovery.v1.EndpointSlice") return true;
  return requiredFields[schema]?.includes(field) === true;
}

export function objectType(schema: string): FieldType {
  return { kind: "object", schema, merge: undefined };
}

/** Replaced as a whole by server-side apply? Scalars are, lists unless they say how their items are told apart. */
export function isAtomic(type: FieldType): boolean {
  switch (type.kind) {
    case "scalar":
      return true;
    case "list":
      return !type.merge?.mapKeys && !type.merge?.set;
    case "map":
      return type.merge?.atomic === true;
    case "object":
      return type.merge?.atomic ?? atomicTypes.has(type.schema);
  }
}

/** What stands for a list key's field that is left out, e.g. "TCP" for a port's protocol. */
export function keyDefault(type: FieldType, field: string): string | undefined {
  if (type.kind !== "object") return undefined;
  return keyDefaults[type.schema]?.[field] ?? defined.get(type.schema)?.keyDefaults[field];
}

/** The type of a field or of a map's value; undefined when the type has no such field, or no fields at all. */
export function childType(type: FieldType, field: string): FieldType | undefined {
  if (type.kind === "map") return type.values;
  if (type.kind !== "object") return undefined;
  return fieldsOf(type.schema).get(field) ?? defined.get(type.schema)?.others;
}
