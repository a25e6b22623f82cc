/**
 * Reads request bodies in the protobuf form, which newer kubectl sends for `create` and `delete`.
 *
 *   "k8s\0" | Unknown { 1: TypeMeta { 1: apiVersion, 2: kind }, 2: raw (the object) }
 *
 * Sources: Kubernetes "API Concepts", protobuf encoding (KEP-2); protobuf wire format.
 */
import { type FieldType, fieldsOf, type Scalar } from "../../api/schema-table.ts";
import { messageFields, unionOf } from "./definition-fields.ts";
import { magic, numbersOf, schemaOf } from "./field-numbers.ts";

const maxDepth = 64;

type Json = Record<string, unknown>;
type Wire = number | Buffer;
type Fields = ReadonlyMap<string, FieldType>;

/** Throws RangeError for bytes that end too early. */
function readVarint(bytes: Buffer, at: number): { value: bigint; next: number } {
  let value = 0n;
  for (let index = 0; index < 10; index++) {
    const byte = bytes.readUInt8(at + index);
    value |= BigInt(byte & 0x7f) << BigInt(7 * index);
    if (byte < 0x80) return { value: BigInt.asIntN(64, value), next: at + index + 1 };
  }
  throw new RangeError("a number is longer than 10 bytes");
}

function take(bytes: Buffer, start: number, length: number): Buffer {
  if (length < 0 || start + length > bytes.length) throw new RangeError("a field is longer than the body");
  return bytes.subarray(start, start + length);
}

/** The fields of one message in their order: number and raw value. */
function* readFields(bytes: Buffer): Generator<[number: number, value: Wire]> {
  let at = 0;
  while (at < bytes.length) {
    const tag = readVarint(bytes, at);
    const [field, wireType] = [Number(tag.value >> 3n), Number(tag.value & 7n)];
    at = tag.next;
    if (wireType === 0) {
      const { value, next } = readVarint(bytes, at);
      yield [field, Number(value)];
      at = next;
    } else if (wireType === 1 || wireType === 5) {
      const length = wireType === 1 ? 8 : 4;
      const raw = take(bytes, at, length);
      yield [field, wireType === 1 ? raw.readDoubleLE() : raw.readFloatLE()];
      at += length;
    } else if (wireType === 2) {
      const { value, next } = readVarint(bytes, at);
      const raw = take(bytes, next, Number(value));
      yield [field, raw];
      at = next + raw.length;
    } else {
      throw new RangeError(`wire type ${wireType} is not in use`);
    }
  }
}

const bytesOf = (value: Wire): Buffer => {
  if (typeof value === "number") throw new RangeError("a number stands where a text or an object must be");
  return value;
};

function fieldsByNumber(value: Wire): Map<number, Wire> {
  return new Map(readFields(bytesOf(value)));
}

const textOf = (value: Wire | undefined): string => (value === undefined ? "" : bytesOf(value).toString());

function timeOf(value: Wire, digits: number): string | undefined {
  const parts = fieldsByNumber(value);
  if (parts.size === 0) return undefined;
  const [seconds, nanos] = [Number(parts.get(1) ?? 0), Number(parts.get(2) ?? 0)];
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  return digits === 0 ? `${whole}Z` : `${whole}.${String(nanos).padStart(9, "0").slice(0, digits)}Z`;
}

function decodeScalar(scalar: Scalar, value: Wire): unknown {
  switch (scalar) {
    case "string":
      return textOf(value);
    case "boolean":
      return value !== 0;
    case "int32":
    case "int64":
    case "double":
      return Number(value);
    case "time":
      return timeOf(value, 0);
    case "microtime":
      return timeOf(value, 6);
    case "bytes":
      return bytesOf(value).toString("base64");
    case "quantity":
      return textOf(fieldsByNumber(value).get(1));
    case "intOrString": {
      const parts = fieldsByNumber(value);
      return parts.get(1) === 1 ? textOf(parts.get(3)) : Number(parts.get(2) ?? 0);
    }
    case "any":
      return JSON.parse(textOf(fieldsByNumber(value).get(1)) || "null");
  }
}

function decodeValue(type: FieldType, value: Wire, depth: number): unknown {
  switch (type.kind) {
    case "scalar":
      return decodeScalar(type.scalar, value);
    case "object":
      return decodeObject(type.schema, bytesOf(value), depth + 1);
    case "list":
      // A message whose only field are the items.
      return [...readFields(bytesOf(value))].map(([, item]) => decodeValue(type.items, item, depth + 1));
    default:
      throw new RangeError("maps do not stand inside lists and maps");
  }
}

/** What an unset field of a Go struct is written as; only pointers tell it from a set one. */
const isZero = (value: unknown): boolean => value === undefined || value === "" || value === 0 || value === false;

function setValue(result: Json, name: string, type: FieldType, { value, depth }: { value: Wire; depth: number }): void {
  const pointer = name.endsWith("*");
  const field = pointer ? name.slice(0, -1) : name;
  if (type.kind === "list") {
    const list = (result[field] ?? []) as unknown[];
    list.push(decodeValue(type.items, value, depth));
    result[field] = list;
  } else if (type.kind === "map") {
    const map = (result[field] ?? {}) as Json;
    result[field] = map;
    const entry = fieldsByNumber(value);
    const item = entry.get(2) ?? Buffer.alloc(0);
    Object.defineProperty(map, textOf(entry.get(1)), {
      value: decodeValue(type.values, item, depth),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  } else {
    const decoded = decodeValue(type, value, depth);
    if (decoded !== undefined && (pointer || !isZero(decoded))) result[field] = decoded;
  }
}

/** `fields`: the JSON fields that the message's own and embedded ones go to. Fields that we do not know are left out. */
function decodeMessage(message: string, fields: Fields, bytes: Buffer, depth: number, result: Json = {}): Json {
  if (depth > maxDepth) throw new RangeError(`objects are nested deeper than ${maxDepth}`);
  const names = numbersOf(message);
  for (const [number, value] of readFields(bytes)) {
    const name = names[number];
    if (name?.startsWith("+")) {
      const embedded = message.slice(0, message.lastIndexOf(".") + 1) + name.slice(1);
      decodeMessage(embedded, fields, bytesOf(value), depth + 1, result);
      continue;
    }
    const type = name === undefined ? undefined : fields.get(name.replace("*", ""));
    if (name !== undefined && type) setValue(result, name, type, { value, depth });
  }
  return result;
}

function decodeObject(schema: string, bytes: Buffer, depth: number): unknown {
  const message = decodeMessage(schema, messageFields(schema), bytes, depth);
  return unionOf(schema)?.fromMessage(message) ?? message;
}

/** The body as plain data, as its JSON form would be. Throws RangeError with a clause that says what is wrong. */
export function decodeProtobuf(body: Buffer): unknown {
  if (!body.subarray(0, magic.length).equals(magic)) throw new RangeError("it does not begin with the bytes k8s\\0");
  const unknown = fieldsByNumber(body.subarray(magic.length));
  const typeMeta = fieldsByNumber(unknown.get(1) ?? Buffer.alloc(0));
  const [apiVersion, kind] = [textOf(typeMeta.get(1)), textOf(typeMeta.get(2))];
  const schema = schemaOf(apiVersion, kind);
  if (!schema) throw new RangeError(`kind ${JSON.stringify(kind)} of ${JSON.stringify(apiVersion)} is not known here`);
  const raw = bytesOf(unknown.get(2) ?? Buffer.alloc(0));
  return { apiVersion, kind, ...decodeMessage(schema, fieldsOf(schema), raw, 0) };
}
