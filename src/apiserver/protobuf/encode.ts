/** Writes objects in the protobuf form, straight out of their JSON. Sources: Kubernetes "API Concepts", protobuf encoding (KEP-2); the struct tags of the published API modules. */
import type { FieldType } from "../../api/schema-table.ts";
import { messageFields, type Union, unionOf } from "./definition-fields.ts";
import { magic, numbersOf } from "./field-numbers.ts";
import { keyHash } from "./json-tape.ts";
import { isList, isNull, isObject, isZero, scalars, tape, type Write, writer } from "./scalars.ts";

export { writer };

interface Field {
  readonly number: number;
  readonly name: string;
  /** Of the name; undefined: an embedded struct, a message of its own whose fields stand in the outer JSON. */
  readonly hash: number | undefined;
  /** A zero counts. */
  readonly pointer: boolean;
  readonly write: Write;
}

/** The fields of a message, the highest number first: it is written from its end. */
type Plan = readonly Field[];

type Fields = ReadonlyMap<string, FieldType>;

const embeddedName = (message: string, name: string): string => message.slice(0, message.lastIndexOf(".") + 1) + name;

function makeField(message: string, fields: Fields, number: number, text: string): Field | undefined {
  const name = text.replace(/^\+|\*$/, "");
  if (text.startsWith("+")) {
    const write = planWriter(makePlan(embeddedName(message, name), fields));
    return { number, name, hash: undefined, pointer: true, write };
  }
  const type = fields.get(name);
  return type && { number, name, hash: keyHash(name), pointer: text.endsWith("*"), write: memberWriter(type) };
}

function makePlan(message: string, fields: Fields): Plan {
  return Object.entries(numbersOf(message))
    .map(([number, text]) => makeField(message, fields, Number(number), text))
    .filter((field) => field !== undefined)
    .sort((a, b) => b.number - a.number);
}

function planOf(schema: string): Plan {
  const known = plans.get(schema);
  if (known) return known;
  const plan = makePlan(schema, messageFields(schema));
  plans.set(schema, plan);
  return plan;
}

/** The members of an object, the greatest key first. */
function sortedMembers(node: number): number[] {
  const members: number[] = [];
  for (let member = tape.last(node); member !== 0; member = tape.previous(member)) members.push(member);
  return members.sort((a, b) => tape.compareKeys(b, a));
}

function key(member: number): void {
  const before = writer.length;
  if (tape.keyHasEscapes(member)) writer.text(tape.key(member));
  else writer.copy(tape.bytes, tape.keyStart(member), tape.keyEnd(member));
  writer.head(1, writer.length - before);
}

function mapWriter(values: Write): Write {
  return (number, node) => {
    if (!isObject(node)) return;
    for (const member of sortedMembers(node)) {
      const before = writer.length;
      values(2, member);
      key(member);
      writer.head(number, writer.length - before);
    }
  };
}

function listWriter(items: Write): Write {
  return (number, node) => {
    if (!isList(node)) return;
    for (let item = tape.last(node); item !== 0; item = tape.previous(item)) items(number, item);
  };
}

function planWriter(plan: Plan): Write {
  return (number, node) => {
    const before = writer.length;
    message(plan, node);
    writer.head(number, writer.length - before);
  };
}

/** The plan is made when it is first needed: a schema may hold itself. */
function objectWriter(schema: string): Write {
  let plan: Plan | undefined;
  const union = unionOf(schema);
  return (number, node) => {
    plan ??= planOf(schema);
    const before = writer.length;
    if (union) oneOf(union, plan, node);
    else message(plan, node);
    writer.head(number, writer.length - before);
  };
}

/** A list inside a map or a list is a message of its own, with the items as field 1. */
function valueWriter(type: FieldType): Write {
  if (type.kind !== "list") return memberWriter(type);
  const items = listWriter(valueWriter(type.items));
  return (number, node) => {
    const before = writer.length;
    items(1, node);
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

function field({ number, pointer, write }: Field, node: number): void {
  if (node === 0 || isNull(node) || (!pointer && isZero(node))) return;
  write(number, node);
}

function message(plan: Plan, node: number): void {
  if (!isObject(node)) return;
  for (const step of plan) field(step, step.hash === undefined ? node : tape.member(node, step.hash));
}

/** The value itself is what some of the fields hold. */
function oneOf(union: Union, plan: Plan, node: number): void {
  const look = isList(node) ? "list" : isObject(node) ? "object" : "other";
  for (const step of plan) if (union.holds(step.name, look)) field(step, node);
}

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
/** Any object, of which the metadata alone are written. */
export const partialObject = `${meta}.PartialObjectMetadata`;

const metadata = { number: 1, name: "metadata", hash: keyHash("metadata"), pointer: false };
const plans = new Map<string, Plan>([[partialObject, [{ ...metadata, write: objectWriter(`${meta}.ObjectMeta`) }]]]);

/** The message of an object's JSON, without the envelope. */
export function writeMessage(schema: string, json: Buffer): void {
  message(planOf(schema), tape.read(json));
}

/** What an envelope begins with: `k8s\0` and Unknown { 1: TypeMeta { 1: apiVersion, 2: kind } }. */
export function envelopeStart(apiVersion: string, kind: string): Buffer {
  writer.clear();
  writer.head(2, writer.text(kind));
  writer.head(1, writer.text(apiVersion));
  writer.head(1, writer.length);
  writer.bytes(magic);
  return writer.take();
}

/** The envelope, Unknown { 2: raw }, around what has been written since `before`. */
export function writeEnvelope(start: Buffer, before: number): void {
  writer.head(2, writer.length - before);
  writer.bytes(start);
}

/** What the event of a watch begins with: WatchEvent { 1: type }. */
export function eventStart(type: string): Buffer {
  writer.clear();
  writer.head(1, writer.text(type));
  return writer.take();
}

/** One frame of a watch, around the object written since `before`: its length in four bytes, and WatchEvent { 2: RawExtension { 1: object } }. */
export function writeFrame(start: Buffer, before: number): void {
  writer.head(1, writer.length - before);
  writer.head(2, writer.length - before);
  writer.bytes(start);
  writer.uint32BE(writer.length - before);
}

export function encodeMessage(schema: string, value: unknown): Buffer {
  writer.clear();
  writeMessage(schema, Buffer.from(JSON.stringify(value)));
  return writer.take();
}

export function envelope(apiVersion: string, kind: string, message: Buffer): Buffer {
  const start = envelopeStart(apiVersion, kind);
  writer.bytes(message);
  writeEnvelope(start, 0);
  return writer.take();
}

export function watchFrame(type: string, object: Buffer): Buffer {
  const start = eventStart(type);
  writer.bytes(object);
  writeFrame(start, 0);
  return writer.take();
}
