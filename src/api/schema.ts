/** Strict decoding of untyped JSON against the published fields, with the sentences that Kubernetes' decoder gives. */
import { isJsonObject, type JsonObject, jsonTypeName, setField } from "./json.ts";
import { writtenFields } from "./merge-keys.ts";
import { decodeScalar, goName, zeroOf } from "./scalar.ts";
import { type FieldType, fieldsOf, isRequired, objectType } from "./schema-table.ts";

export interface DecodeResult {
  /** A copy without unknown fields, nulls and empty optional lists and maps; times in UTC and quantities in canonical form. */
  readonly value: JsonObject;
  /** `unknown field "spec.foo"`, in the order of the text. */
  readonly unknown: readonly string[];
  /** Fields of the wrong type: one sentence each. */
  readonly errors: readonly string[];
}

/** Where a value stands; worded only when there is something to say of it. */
interface Place {
  readonly parent: Place | undefined;
  /** A field, a map's key, or an index. */
  readonly step: string | number;
  readonly isField: boolean;
  /** The object type that holds the nearest field. */
  readonly schema: string;
}

interface Faults {
  readonly unknown: string[];
  readonly errors: string[];
}

const shortName = (schema: string): string => schema.slice(schema.lastIndexOf(".") + 1);

/** "spec.ports[0].port". */
function pathOf({ parent, step }: Place): string {
  if (typeof step === "number") return `${parent ? pathOf(parent) : ""}[${step}]`;
  return parent ? `${pathOf(parent)}.${step}` : step;
}

/** "spec.ports.port": without indexes and keys. */
function fieldPathOf({ parent, step, isField }: Place): string {
  const above = parent ? fieldPathOf(parent) : "";
  return isField ? `${above ? `${above}.` : ""}${step}` : above;
}

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

function mismatch(found: string, type: FieldType, place: Place | undefined): string {
  const into = place ? `Go struct field ${shortName(place.schema)}.${fieldPathOf(place)}` : "Go value";
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

/** Kubernetes writes no empty list and no empty map, so that it cannot tell them from missing ones afterwards (service-api E19). */
function isAsGoodAsNone(schema: string, field: string, { type, value }: { type: FieldType; value: unknown }): boolean {
  if (type.kind === "list") return Array.isArray(value) && value.length === 0 && !isRequired(schema, field);
  if (type.kind === "map") return isJsonObject(value) && isEmpty(value) && !isRequired(schema, field);
  return false;
}

function isEmpty(value: JsonObject): boolean {
  for (const _ in value) return false;
  return true;
}

function decodeObject(schema: string, value: JsonObject, parent: Place | undefined, faults: Faults): JsonObject {
  const fields = fieldsOf(schema);
  const result: JsonObject = {};
  for (const step of Object.keys(value)) {
    const field = value[step];
    const type = fields.get(step);
    const place: Place = { parent, step, isField: true, schema };
    if (!type) faults.unknown.push(`unknown field ${JSON.stringify(pathOf(place))}`);
    else if (field !== null && !isAsGoodAsNone(schema, step, { type, value: field })) {
      result[step] = decodeValue(type, field, place, faults);
    }
  }
  const written = writtenFields[schema];
  return written ? { ...written, ...result } : result;
}

function decodeItem(type: FieldType, value: unknown, place: Place, faults: Faults): unknown {
  return value === null ? zero(type) : decodeValue(type, value, place, faults);
}

function decodeMap(values: FieldType, value: JsonObject, parent: Place, faults: Faults): JsonObject {
  const result: JsonObject = {};
  for (const step of Object.keys(value)) {
    setField(
      result,
      step,
      decodeItem(values, value[step], { parent, step, isField: false, schema: parent.schema }, faults),
    );
  }
  return result;
}

function decodeList(items: FieldType, value: readonly unknown[], parent: Place, faults: Faults): unknown[] {
  return value.map((item, step) =>
    decodeItem(items, item, { parent, step, isField: false, schema: parent.schema }, faults),
  );
}

function decodeValue(type: FieldType, value: unknown, place: Place, faults: Faults): unknown {
  if (type.kind === "scalar") {
    const decoded = decodeScalar(type.scalar, value);
    if ("value" in decoded) return decoded.value;
    const fault = "fault" in decoded ? `${pathOf(place)}: ${decoded.fault}` : mismatch(decoded.mismatch, type, place);
    faults.errors.push(fault);
    return value;
  }
  if (type.kind === "list" && Array.isArray(value)) return decodeList(type.items, value, place, faults);
  if (type.kind === "map" && isJsonObject(value)) return decodeMap(type.values, value, place, faults);
  if (type.kind === "object" && isJsonObject(value)) return decodeObject(type.schema, value, place, faults);
  faults.errors.push(mismatch(jsonTypeName(value), type, place));
  return value;
}

/** Decodes `value` as `schema`; `value` itself is left as it is. */
export function decode(schema: string, value: unknown): DecodeResult {
  const faults: Faults = { unknown: [], errors: [] };
  if (isJsonObject(value)) return { value: decodeObject(schema, value, undefined, faults), ...faults };
  faults.errors.push(mismatch(jsonTypeName(value), objectType(schema), undefined));
  return { value: {}, ...faults };
}

export { lostIndentation } from "./lost-indentation.ts";
