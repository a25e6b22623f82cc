/** The published form of schemas, in both dialects of OpenAPI, with the extensions that kubectl's three-way merge reads. */
import type { Kind } from "../kind.ts";
import { atomicTypes, type MergeFacts, publishedDefaults, requiredFields } from "../merge-keys.ts";
import { type FieldType, fieldsOf, hasSchema, type Scalar } from "../schema-table.ts";
import { describeField, describeType } from "./descriptions.ts";

export type Dialect = "v2" | "v3";
export type Published = Pick<
  Kind,
  | "group"
  | "version"
  | "kind"
  | "plural"
  | "namespaced"
  | "schema"
  | "status"
  | "subresources"
  | "parts"
  | "createOnly"
  | "published"
>;

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

const scalarSchemas: Readonly<Record<Scalar, object>> = {
  string: { type: "string" },
  boolean: { type: "boolean" },
  int32: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  double: { type: "number", format: "double" },
  time: { type: "string", format: "date-time" },
  microtime: { type: "string", format: "date-time" },
  bytes: { type: "string", format: "byte" },
  intOrString: { type: "string", format: "int-or-string" },
  quantity: { type: "string" },
  any: { type: "object" },
};

/** OpenAPI 2 cannot say "one of two types". */
const v3Scalars: Readonly<Partial<Record<Scalar, object>>> = {
  intOrString: { oneOf: [{ type: "integer" }, { type: "string" }], format: "int-or-string" },
  quantity: { oneOf: [{ type: "string" }, { type: "number" }] },
};

export const reference = (schema: string, dialect: Dialect): string =>
  dialect === "v3" ? `#/components/schemas/${schema}` : `#/definitions/${schema}`;

function mergeExtensions(type: FieldType, merge: MergeFacts | undefined): object {
  const list = merge?.mapKeys ? "map" : merge?.set ? "set" : "atomic";
  return {
    ...(type.kind === "list" ? { "x-kubernetes-list-type": list } : {}),
    ...(merge?.mapKeys ? { "x-kubernetes-list-map-keys": merge.mapKeys } : {}),
    ...(merge?.atomic === undefined ? {} : { "x-kubernetes-map-type": merge.atomic ? "atomic" : "granular" }),
    ...(merge?.mergeKey ? { "x-kubernetes-patch-merge-key": merge.mergeKey } : {}),
    ...(merge?.strategy ? { "x-kubernetes-patch-strategy": merge.strategy } : {}),
  };
}

function fieldSchema(type: FieldType, dialect: Dialect): object {
  switch (type.kind) {
    case "scalar":
      return (dialect === "v3" ? v3Scalars[type.scalar] : undefined) ?? scalarSchemas[type.scalar];
    case "list":
      return { type: "array", items: fieldSchema(type.items, dialect), ...mergeExtensions(type, type.merge) };
    case "map":
      return {
        type: "object",
        additionalProperties: fieldSchema(type.values, dialect),
        ...mergeExtensions(type, type.merge),
      };
    case "object": {
      const $ref = reference(type.schema, dialect);
      const extensions = mergeExtensions(type, type.merge);
      // A reference may have no siblings in OpenAPI 3.0.
      return dialect === "v3" && Object.keys(extensions).length > 0
        ? { allOf: [{ $ref }], ...extensions }
        : { $ref, ...extensions };
    }
  }
}

/** What is said of a field beside its type. */
function notesOn(schema: string, field: string, type: FieldType): object {
  const description = describeField(schema, field, type);
  const value = publishedDefaults[schema]?.[field];
  return { ...(description ? { description } : {}), ...(value === undefined ? {} : { default: value }) };
}

function withNotes(type: FieldType, notes: object, dialect: Dialect): object {
  const plain = fieldSchema(type, dialect);
  // A reference may have no siblings in OpenAPI 3.0.
  const bare = dialect === "v3" && "$ref" in plain && Object.keys(notes).length > 0;
  return bare ? { allOf: [plain], ...notes } : { ...plain, ...notes };
}

function objectSchema(schema: string, gvks: readonly GroupVersionKind[] | undefined, dialect: Dialect): object {
  const properties = [...fieldsOf(schema)].map(
    ([field, type]) => [field, withNotes(type, notesOn(schema, field, type), dialect)] as const,
  );
  const description = describeType(schema);
  const required =
    requiredFields[schema] ?? (fieldsOf(schema).has("items") && schema.endsWith("List") ? ["items"] : undefined);
  return {
    ...(description ? { description } : {}),
    type: "object",
    properties: Object.fromEntries(properties),
    ...(required ? { required } : {}),
    ...(atomicTypes.has(schema) ? { "x-kubernetes-map-type": "atomic" } : {}),
    ...(gvks ? { "x-kubernetes-group-version-kind": gvks } : {}),
  };
}

function schemasBelow(type: FieldType): string[] {
  if (type.kind === "object") return [type.schema];
  if (type.kind === "list") return schemasBelow(type.items);
  return type.kind === "map" ? schemasBelow(type.values) : [];
}

/** The schemas and all that they refer to, sorted. */
function reachableFrom(roots: readonly string[]): string[] {
  const found = new Set(roots);
  // A Set hands out what is added while it is walked.
  for (const schema of found)
    for (const type of fieldsOf(schema).values()) for (const below of schemasBelow(type)) found.add(below);
  return [...found].sort();
}

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
export const statusSchema = `${meta}.Status`;
export const deleteOptionsSchema = `${meta}.DeleteOptions`;
/** Any patch: what it holds depends on its media type. */
export const patchSchema = `${meta}.Patch`;

export const listSchema = (schema: string): string => `${schema}List`;

/** What subresources take and give when it is not the object itself. */
export const subresourceSchemas: Readonly<Record<string, GroupVersionKind & { readonly schema: string }>> = {
  binding: { group: "", version: "v1", kind: "Binding", schema: "io.k8s.api.core.v1.Binding" },
  eviction: { group: "policy", version: "v1", kind: "Eviction", schema: "io.k8s.api.policy.v1.Eviction" },
  token: {
    group: "authentication.k8s.io",
    version: "v1",
    kind: "TokenRequest",
    schema: "io.k8s.api.authentication.v1.TokenRequest",
  },
  scale: { group: "autoscaling", version: "v1", kind: "Scale", schema: "io.k8s.api.autoscaling.v1.Scale" },
};

/** The definitions that the paths of these kinds refer to. */
export function schemasOf(kinds: readonly Published[], dialect: Dialect): Record<string, object> {
  const custom = kinds.flatMap(({ published }) => (published ? [published(dialect)] : []));
  const gvks = new Map<string, GroupVersionKind>([[statusSchema, { group: "", version: "v1", kind: "Status" }]]);
  for (const { group, version, kind, schema, subresources, published } of kinds) {
    if (!published) gvks.set(schema, { group, version, kind });
    if (hasSchema(listSchema(schema))) gvks.set(listSchema(schema), { group, version, kind: `${kind}List` });
    for (const name of subresources) {
      const { schema: below, ...gvk } = subresourceSchemas[name] ?? { schema: undefined };
      if (below && "kind" in gvk) gvks.set(below, gvk);
    }
  }
  const names = reachableFrom([...gvks.keys(), deleteOptionsSchema, `${meta}.ObjectMeta`, `${meta}.ListMeta`]);
  const optionsFor = [
    ...new Map(
      kinds.map(({ group, version }) => [`${group}/${version}`, { group, version, kind: "DeleteOptions" }]),
    ).values(),
  ];
  const entries = names.map((name) => {
    const gvk = gvks.get(name);
    return [name, objectSchema(name, name === deleteOptionsSchema ? optionsFor : gvk && [gvk], dialect)] as const;
  });
  return Object.assign(Object.fromEntries(entries), { [patchSchema]: { type: "object" } }, ...custom);
}
