/** The fields of custom resources, as server-side apply and patches read them. Source: Kubernetes "Server-Side Apply", merge strategy. */
import type { MergeFacts } from "../merge-keys.ts";
import { defineSchema, type FieldType } from "../schema-table.ts";
import type { JsonSchema } from "./json-schema.ts";

const objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
const scalar = (name: "string" | "any"): FieldType => ({ kind: "scalar", scalar: name });

/** What a schema does not describe: objects merge field by field, all else is replaced as a whole. */
const undescribed: FieldType = {
  kind: "map",
  merge: undefined,
  get values() {
    return undescribed;
  },
};

function mergeOf(schema: JsonSchema): MergeFacts | undefined {
  const { "x-kubernetes-list-type": list, "x-kubernetes-list-map-keys": keys, "x-kubernetes-map-type": map } = schema;
  if (list === "map" && keys) return { mapKeys: keys };
  if (list === "set") return { set: true };
  return map === "atomic" ? { atomic: true } : undefined;
}

const keyDefaultsOf = ({ properties = {} }: JsonSchema): Record<string, string> =>
  Object.fromEntries(
    Object.entries(properties).flatMap(([field, one]) =>
      typeof one.default === "string" ? [[field, one.default]] : [],
    ),
  );

function typeOf(schema: JsonSchema, name: string): FieldType {
  const merge = mergeOf(schema);
  const { properties, additionalProperties, items } = schema;
  if (items) return { kind: "list", items: typeOf(items, `${name}[]`), merge };
  if (properties || schema["x-kubernetes-embedded-resource"]) return objectOf(schema, name, {});
  if (typeof additionalProperties === "object") {
    return { kind: "map", values: typeOf(additionalProperties, `${name}{}`), merge };
  }
  const open = schema.type === "object" || schema["x-kubernetes-preserve-unknown-fields"];
  if (!open) return scalar("string");
  return merge?.atomic ? scalar("any") : undescribed;
}

function objectOf(schema: JsonSchema, name: string, more: Readonly<Record<string, FieldType>>): FieldType {
  const whole = schema["x-kubernetes-embedded-resource"]
    ? { apiVersion: scalar("string"), kind: scalar("string"), metadata: metadataType }
    : {};
  const fields = Object.entries(schema.properties ?? {}).map(
    ([field, below]) => [field, typeOf(below, `${name}.${field}`)] as const,
  );
  defineSchema(name, new Map([...fields, ...Object.entries({ ...whole, ...more })]), {
    others: schema["x-kubernetes-preserve-unknown-fields"] ? undescribed : undefined,
    keyDefaults: keyDefaultsOf(schema),
  });
  return { kind: "object", schema: name, merge: mergeOf(schema) };
}

const metadataType: FieldType = { kind: "object", schema: objectMeta, merge: undefined };

/** Makes the schema known under `name`, for all who go by names of schemas; one of the same name is replaced. */
export function defineCustomSchema(name: string, schema: JsonSchema): void {
  objectOf(schema, name, { apiVersion: scalar("string"), kind: scalar("string"), metadata: metadataType });
}
