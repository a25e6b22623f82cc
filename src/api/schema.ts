/** Strict decoding of untyped JSON against the published fields, with the sentences that Kubernetes' decoder gives. */
import { cloneJson, isJsonObject, type JsonObject, jsonTypeName, setField } from "./json.ts";
import { decodeScalar, goName, zeroOf } from "./scalar.ts";
import { type FieldType, fieldsOf, objectType } from "./schema-table.ts";

export interface DecodeResult {
  /** A copy without unknown fields and nulls, times in UTC and quantities in canonical form. */
  readonly value: JsonObject;
  /** `unknown field "spec.foo"`, in the order of the text. */
  readonly unknown: readonly string[];
  /** Fields of the wrong type: one sentence each. */
  readonly errors: readonly string[];
}

interface Place {
  /** "spec.ports[0].port", for unknown fields. */
  readonly path: string;
  /** "ServicePort.spec.ports.port", for wrong types. */
  readonly goField: string;
}

interface Faults {
  readonly unknown: string[];
  readonly errors: string[];
}

const shortName = (schema: string): string => schema.slice(schema.lastIndexOf(".") + 1);

/** "[]v1.ServicePort", "map[string]string", "int32". */
function goType(type: FieldType): string {
  switch (type.kind) {
    case "scalar":
      return goName(type.scalar);
    case "list":
      return `[]${goType(type.items)}`;
    case "map":
      return `map[string]${goType(type.values)}`;
    case "object":
      return type.schema.split(".").slice(-2).join(".");
  }
}

function mismatch(found: string, type: FieldType, { goField }: Place): string {
  const into = goField.includes(".") ? `Go struct field ${goField}` : "Go value";
  return `json: cannot unmarshal ${found} into ${into} of type ${goType(type)}`;
}

function zero(type: FieldType): unknown {
  switch (type.kind) {
    case "scalar":
      return zeroOf(type.scalar);
    case "list":
      return [];
    default:
      return {};
  }
}

function decodeObject(schema: string, value: JsonObject, place: Place, faults: Faults): JsonObject {
  const fields = fieldsOf(schema);
  const below = place.goField.split(".").slice(1);
  const result: JsonObject = {};
  for (const [name, field] of Object.entries(value)) {
    const path = place.path ? `${place.path}.${name}` : name;
    const type = fields.get(name);
    if (!type) faults.unknown.push(`unknown field ${JSON.stringify(path)}`);
    else if (field !== null) {
      const goField = [shortName(schema), ...below, name].join(".");
      result[name] = decodeValue(type, field, { path, goField }, faults);
    }
  }
  return result;
}

function decodeMap(type: FieldType & { kind: "map" }, value: JsonObject, place: Place, faults: Faults): JsonObject {
  const result: JsonObject = {};
  for (const [key, item] of Object.entries(value)) {
    const decoded =
      item === null
        ? zero(type.values)
        : decodeValue(type.values, item, { ...place, path: `${place.path}.${key}` }, faults);
    setField(result, key, decoded);
  }
  return result;
}

function decodeValue(type: FieldType, value: unknown, place: Place, faults: Faults): unknown {
  if (type.kind === "scalar") {
    const decoded = decodeScalar(type.scalar, value);
    if ("value" in decoded) return decoded.value;
    faults.errors.push(
      "fault" in decoded ? `${place.path}: ${decoded.fault}` : mismatch(decoded.mismatch, type, place),
    );
    return value;
  }
  if (type.kind === "list" && Array.isArray(value)) {
    return value.map((item, index) =>
      item === null
        ? zero(type.items)
        : decodeValue(type.items, item, { ...place, path: `${place.path}[${index}]` }, faults),
    );
  }
  if (type.kind === "map" && isJsonObject(value)) return decodeMap(type, value, place, faults);
  if (type.kind === "object" && isJsonObject(value)) return decodeObject(type.schema, value, place, faults);
  faults.errors.push(mismatch(jsonTypeName(value), type, place));
  return value;
}

/** Decodes `value` as `schema`; `value` itself is left as it is. */
export function decode(schema: string, value: unknown): DecodeResult {
  const faults: Faults = { unknown: [], errors: [] };
  const place: Place = { path: "", goField: shortName(schema) };
  if (!isJsonObject(value)) {
    faults.errors.push(mismatch(jsonTypeName(value), objectType(schema), place));
    return { value: {}, ...faults };
  }
  return { value: cloneJson(decodeObject(schema, value, place, faults)), ...faults };
}

export { lostIndentation } from "./lost-indentation.ts";
