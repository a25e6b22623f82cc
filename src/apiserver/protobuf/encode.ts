/** Writes objects in the protobuf form. Sources: Kubernetes "API Concepts", protobuf encoding (KEP-2); the struct tags of the published API modules. */
import { isJsonObject, type JsonObject } from "../../api/json.ts";
import { type FieldType, fieldsOf, type Scalar } from "../../api/schema-table.ts";
import { magic, numbersOf } from "./field-numbers.ts";
import { ReverseWriter } from "./reverse-writer.ts";

interface Field {
  readonly number: number;
  readonly name: string;
  readonly pointer: boolean;
  readonly type: FieldType;
}

/** An embedded struct: a message of its own, whose fields stand in the outer JSON. */
interface Embedded {
  readonly number: number;
  readonly plan: Plan;
}

type Plan = readonly (Field | Embedded)[];

const plans = new Map<string, Plan>();

/** The fields of a message, the highest number first. */
function makePlan(message: string, fields: ReadonlyMap<string, FieldType>): Plan {
  const steps = Object.entries(numbersOf(message)).flatMap(([text, name]): (Field | Embedded)[] => {
    const number = Number(text);
    if (name.startsWith("+")) {
      const embedded = message.slice(0, message.lastIndexOf(".") + 1) + name.slice(1);
      return [{ number, plan: makePlan(embedded, fields) }];
    }
    const pointer = name.endsWith("*");
    const field = pointer ? name.slice(0, -1) : name;
    const type = fields.get(field);
    return type ? [{ number, name: field, pointer, type }] : [];
  });
  return steps.sort((a, b) => b.number - a.number);
}

function planOf(schema: string): Plan {
  const known = plans.get(schema);
  if (known) return known;
  const plan = makePlan(schema, fieldsOf(schema));
  plans.set(schema, plan);
  return plan;
}

const writer = new ReverseWriter();

/** Writes a message with its head: `write` writes the fields, the last one first. */
function nested(number: number, write: () => void): void {
  const before = writer.length;
  write();
  writer.head(number, writer.length - before);
}

function text(number: number, value: string): void {
  nested(number, () => writer.text(value));
}

function whole(number: number, value: number): void {
  writer.varint(value);
  writer.varint(number * 8);
}

function time(number: number, value: string): void {
  const ms = Date.parse(value);
  const digits = /\.(\d{1,9})/.exec(value)?.[1];
  nested(number, () => {
    if (digits) whole(2, Number(digits.padEnd(9, "0")));
    whole(1, Math.floor(ms / 1000));
  });
}

function intOrString(number: number, value: unknown): void {
  nested(number, () => {
    if (typeof value === "string") {
      text(3, value);
      whole(1, 1);
    } else {
      whole(2, Number(value));
      whole(1, 0);
    }
  });
}

const int = (number: number, value: unknown): void => whole(number, Number(value));
const timestamp = (number: number, value: unknown): void => time(number, String(value));

const scalars: Readonly<Record<Scalar, (number: number, value: unknown) => void>> = {
  string: (number, value) => text(number, String(value)),
  boolean: (number, value) => whole(number, value ? 1 : 0),
  int32: int,
  int64: int,
  double(number, value) {
    writer.double(Number(value));
    writer.varint(number * 8 + 1);
  },
  time: timestamp,
  microtime: timestamp,
  bytes: (number, value) => nested(number, () => writer.base64(String(value))),
  quantity: (number, value) => nested(number, () => text(1, String(value))),
  intOrString,
  any: (number, value) => nested(number, () => text(1, JSON.stringify(value))),
};

function mapEntries(number: number, values: FieldType, map: JsonObject): void {
  for (const key of Object.keys(map).sort().reverse()) {
    nested(number, () => {
      field(2, values, map[key]);
      text(1, key);
    });
  }
}

/** A list inside a map or a list is a message of its own, with the items as field 1. */
function list(number: number, items: FieldType, values: readonly unknown[]): void {
  for (let index = values.length - 1; index >= 0; index--) {
    field(number, items, values[index]);
  }
}

function field(number: number, type: FieldType, value: unknown): void {
  if (type.kind === "scalar") scalars[type.scalar](number, value);
  else if (type.kind === "object") nested(number, () => message(planOf(type.schema), value));
  else if (type.kind === "map" && isJsonObject(value)) mapEntries(number, type.values, value);
  else if (type.kind === "list" && Array.isArray(value)) nested(number, () => list(1, type.items, value));
}

const isZero = (value: unknown): boolean => value === "" || value === 0 || value === false;

function message(plan: Plan, value: unknown): void {
  if (!isJsonObject(value)) return;
  for (const step of plan) {
    if ("plan" in step) {
      nested(step.number, () => message(step.plan, value));
      continue;
    }
    const item = value[step.name];
    if (item === undefined || item === null || (!step.pointer && isZero(item))) continue;
    if (step.type.kind === "list" && Array.isArray(item)) list(step.number, step.type.items, item);
    else field(step.number, step.type, item);
  }
}

/** The message of an object, without the envelope. */
export function encodeMessage(schema: string, value: unknown): Buffer {
  message(planOf(schema), value);
  return writer.take();
}

/** A message of messages that are there already, e.g. a list's: `{ 1: metadata, 2: items }`. */
export function encodeParts(parts: readonly (readonly [number: number, bytes: Buffer])[]): Buffer {
  const pieces = parts.flatMap(([number, bytes]) => {
    writer.head(number, bytes.length);
    return [writer.take(), bytes];
  });
  return Buffer.concat(pieces);
}

/** `k8s\0` and Unknown { 1: TypeMeta, 2: raw }. */
export function envelope(apiVersion: string, kind: string, raw: readonly Buffer[]): Buffer {
  const size = raw.reduce((sum, bytes) => sum + bytes.length, 0);
  writer.head(2, size);
  nested(1, () => {
    text(2, kind);
    text(1, apiVersion);
  });
  return Buffer.concat([magic, writer.take(), ...raw]);
}

/** The head of a field of `length` bytes that follow. */
export function fieldHead(number: number, length: number): Buffer {
  writer.head(number, length);
  return writer.take();
}

/** One frame of a watch: its length in four bytes, and WatchEvent { 1: type, 2: RawExtension { 1: object } }. */
export function watchFrame(type: string, object: Buffer): Buffer {
  writer.bytes(object);
  writer.head(1, object.length);
  writer.head(2, writer.length);
  text(1, type);
  const event = writer.take();
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}
