/** Writes objects in the protobuf form. Sources: Kubernetes "API Concepts", protobuf encoding (KEP-2); the struct tags of the published API modules. */
import { isJsonObject } from "../../api/json.ts";
import type { FieldType, Scalar } from "../../api/schema-table.ts";
import { messageFields, unionOf } from "./definition-fields.ts";
import { magic, numbersOf } from "./field-numbers.ts";
import { ReverseWriter } from "./reverse-writer.ts";

/** Writes a field with its head. */
type Write = (number: number, value: unknown) => void;

interface Field {
  readonly number: number;
  readonly name: string;
  readonly pointer: boolean;
  readonly write: Write;
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
    return type ? [{ number, name: field, pointer, write: memberWriter(type) }] : [];
  });
  return steps.sort((a, b) => b.number - a.number);
}

function planOf(schema: string): Plan {
  const known = plans.get(schema);
  if (known) return known;
  const plan = makePlan(schema, messageFields(schema));
  plans.set(schema, plan);
  return plan;
}

// What is nested is written before its head, the last field first: `before` is the length without it. No callbacks here: large lists pass.
const writer = new ReverseWriter();

function text(number: number, value: string): void {
  writer.head(number, writer.text(value));
}

function whole(number: number, value: number): void {
  writer.varint(value);
  writer.varint(number * 8);
}

function time(number: number, value: unknown): void {
  const digits = /\.(\d{1,9})/.exec(String(value))?.[1];
  const before = writer.length;
  if (digits) whole(2, Number(digits.padEnd(9, "0")));
  whole(1, Math.floor(Date.parse(String(value)) / 1000));
  writer.head(number, writer.length - before);
}

function intOrString(number: number, value: unknown): void {
  const before = writer.length;
  if (typeof value === "string") {
    text(3, value);
    whole(1, 1);
  } else {
    whole(2, Number(value));
    whole(1, 0);
  }
  writer.head(number, writer.length - before);
}

/** A text in a message of its own. */
function wrapped(number: number, value: string): void {
  const before = writer.length;
  text(1, value);
  writer.head(number, writer.length - before);
}

const int: Write = (number, value) => whole(number, Number(value));

const scalars: Readonly<Record<Scalar, Write>> = {
  string: (number, value) => text(number, String(value)),
  boolean: (number, value) => whole(number, value ? 1 : 0),
  int32: int,
  int64: int,
  double(number, value) {
    writer.double(Number(value));
    writer.varint(number * 8 + 1);
  },
  time,
  microtime: time,
  bytes: (number, value) => writer.head(number, writer.base64(String(value))),
  quantity: (number, value) => wrapped(number, String(value)),
  intOrString,
  any: (number, value) => wrapped(number, JSON.stringify(value)),
};

function mapWriter(values: Write): Write {
  return (number, map) => {
    if (!isJsonObject(map)) return;
    for (const key of Object.keys(map).sort().reverse()) {
      const before = writer.length;
      values(2, map[key]);
      text(1, key);
      writer.head(number, writer.length - before);
    }
  };
}

function listWriter(items: Write): Write {
  return (number, values) => {
    if (!Array.isArray(values)) return;
    for (let index = values.length - 1; index >= 0; index--) items(number, values[index]);
  };
}

/** The plan is made when it is first needed: a schema may hold itself. */
function objectWriter(schema: string): Write {
  let plan: Plan | undefined;
  const union = unionOf(schema);
  return (number, value) => {
    plan ??= planOf(schema);
    const before = writer.length;
    message(plan, union ? union.toMessage(value) : value);
    writer.head(number, writer.length - before);
  };
}

/** A list inside a map or a list is a message of its own, with the items as field 1. */
function valueWriter(type: FieldType): Write {
  if (type.kind !== "list") return memberWriter(type);
  const items = listWriter(valueWriter(type.items));
  return (number, value) => {
    const before = writer.length;
    items(1, value);
    writer.head(number, writer.length - before);
  };
}

function memberWriter(type: FieldType): Write {
  switch (type.kind) {
    case "scalar":
      return scalars[type.scalar];
    case "object":
      return objectWriter(type.schema);
    case "map":
      return mapWriter(valueWriter(type.values));
    case "list":
      return listWriter(valueWriter(type.items));
  }
}

const isZero = (value: unknown): boolean => value === "" || value === 0 || value === false;

function message(plan: Plan, value: unknown): void {
  if (!isJsonObject(value)) return;
  for (const step of plan) {
    if ("plan" in step) {
      const before = writer.length;
      message(step.plan, value);
      writer.head(step.number, writer.length - before);
      continue;
    }
    const item = value[step.name];
    if (item === undefined || item === null || (!step.pointer && isZero(item))) continue;
    step.write(step.number, item);
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
  const before = writer.length;
  text(2, kind);
  text(1, apiVersion);
  writer.head(1, writer.length - before);
  return Buffer.concat([magic, writer.take(), ...raw]);
}

/** The head of a field of `length` bytes that follow. */
export function fieldHead(number: number, length: number): Buffer {
  writer.head(number, length);
  return writer.take();
}

/** One frame of a watch: its length in four bytes, and WatchEvent { 1: type, 2: RawExtension { 1: object } }. */
export function watchFrame(type: string, object: Buffer): Buffer {
  writer.head(1, object.length);
  writer.head(2, writer.length + object.length);
  text(1, type);
  const head = writer.take();
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(head.length + object.length);
  return Buffer.concat([length, head, object]);
}
