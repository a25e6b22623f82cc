/**
 * What definitions of custom kinds hold where their published schemas say "any". A few fields of JSON schemas hold one of
 * two things: JSON tells them by their look; in the protobuf form each is a message of its own with a field for either.
 * Source: the published types of apiextensions.k8s.io/v1.
 */
import { type FieldType, fieldsOf, objectType } from "../../api/schema-table.ts";

type Json = Record<string, unknown>;

export interface Union {
  readonly fields: ReadonlyMap<string, FieldType>;
  /** Is the value itself, of that look, what the field holds? (A boolean that is an object is true.) */
  readonly holds: (field: string, look: "list" | "object" | "other") => boolean;
  readonly fromMessage: (message: Json) => unknown;
}

const packageName = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";
const props = `${packageName}.JSONSchemaProps`;
const subresources = `${packageName}.CustomResourceSubresources`;
const subresourceStatus = `${packageName}.CustomResourceSubresourceStatus`;
const names = { orBool: `${props}OrBool`, orArray: `${props}OrArray`, orStrings: `${props}OrStringArray` };
export const unionNames: readonly string[] = Object.values(names);

const schema = objectType(props);
const listOf = (items: FieldType): FieldType => ({ kind: "list", items, merge: undefined });
const mapOf = (values: FieldType): FieldType => ({ kind: "map", values, merge: undefined });

function schemaOrList(list: string, items: FieldType): Union {
  return {
    fields: new Map([
      ["schema", schema],
      [list, listOf(items)],
    ]),
    holds: (field, look) => (field === list) === (look === "list"),
    fromMessage: (message) => message[list] ?? message.schema ?? null,
  };
}

const unions: Readonly<Record<string, Union>> = {
  [names.orBool]: {
    fields: new Map([
      ["allows", { kind: "scalar", scalar: "boolean" }],
      ["schema", schema],
    ]),
    holds: (field, look) => field === "allows" || look === "object",
    fromMessage: (message) => message.schema ?? message.allows ?? false,
  },
  [names.orArray]: schemaOrList("jSONSchemas", schema),
  [names.orStrings]: schemaOrList("property", { kind: "scalar", scalar: "string" }),
};

/** Where the published schemas say "any". */
const fieldsByMessage = new Map<string, ReadonlyMap<string, FieldType>>([
  ...Object.entries(unions).map(([name, { fields }]) => [name, fields] as const),
  [
    props,
    new Map([
      ...fieldsOf(props),
      ["additionalItems", objectType(names.orBool)],
      ["additionalProperties", objectType(names.orBool)],
      ["items", objectType(names.orArray)],
      ["dependencies", mapOf(objectType(names.orStrings))],
    ]),
  ],
  [subresources, new Map([...fieldsOf(subresources), ["status", objectType(subresourceStatus)]])],
  [subresourceStatus, new Map()],
]);

export const unionOf = (message: string): Union | undefined => unions[message];

/** The fields of a message: an object's JSON fields, but for what stands above. */
export const messageFields = (message: string): ReadonlyMap<string, FieldType> =>
  fieldsByMessage.get(message) ?? fieldsOf(message);
