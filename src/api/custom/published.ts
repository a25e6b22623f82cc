/** The OpenAPI definitions of a custom resource. Source: Kubernetes "Publish Validation Schema in OpenAPI". */
import { isJsonObject, type JsonObject } from "../json.ts";
import type { JsonSchema } from "./json-schema.ts";

type Dialect = "v2" | "v3";

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
const refTo = (name: string, dialect: Dialect): object => ({
  $ref: dialect === "v3" ? `#/components/schemas/${name}` : `#/definitions/${name}`,
});
const described = (name: string, dialect: Dialect): object =>
  dialect === "v3" ? { allOf: [refTo(name, dialect)] } : refTo(name, dialect);

const typeFields = { apiVersion: { type: "string" }, kind: { type: "string" } };

/** OpenAPI 2 cannot say these. */
const v3Only = new Set(["oneOf", "anyOf", "allOf", "not", "nullable", "default"]);

/** OpenAPI 2 must not promise more than it can say: what is nullable, or open, has no type there. */
function toV2(schema: JsonSchema): JsonObject {
  const loose = schema.nullable || schema["x-kubernetes-int-or-string"];
  const result: JsonObject = {};
  for (const [field, value] of Object.entries(schema)) {
    if (v3Only.has(field) || (loose && (field === "type" || field === "properties" || field === "items"))) continue;
    if (field === "properties" && isJsonObject(value)) {
      if (schema["x-kubernetes-preserve-unknown-fields"]) continue;
      result[field] = Object.fromEntries(Object.entries(value).map(([name, one]) => [name, toV2(one as JsonSchema)]));
    } else if ((field === "items" || field === "additionalProperties") && isJsonObject(value)) {
      result[field] = toV2(value as JsonSchema);
    } else result[field] = value;
  }
  return result;
}

export interface Named {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly listKind: string;
  /** The definition's name. */
  readonly schema: string;
}

/** The definition of the object and of its list, by name. */
export function definitionsOf(named: Named, schema: JsonSchema, dialect: Dialect): Record<string, object> {
  const { group, version, kind, listKind, schema: name } = named;
  const own = dialect === "v2" ? toV2(schema) : (schema as JsonObject);
  const object = {
    ...own,
    type: "object",
    properties: {
      ...typeFields,
      metadata: described(`${meta}.ObjectMeta`, dialect),
      ...Object.fromEntries(
        Object.entries(isJsonObject(own.properties) ? own.properties : {}).filter(
          ([field]) => !["apiVersion", "kind", "metadata"].includes(field),
        ),
      ),
    },
    "x-kubernetes-group-version-kind": [{ group, version, kind }],
  };
  const list = {
    type: "object",
    required: ["items"],
    properties: {
      ...typeFields,
      items: { type: "array", items: refTo(name, dialect) },
      metadata: described(`${meta}.ListMeta`, dialect),
    },
    "x-kubernetes-group-version-kind": [{ group, version, kind: listKind }],
  };
  return { [name]: object, [`${name}List`]: list };
}
