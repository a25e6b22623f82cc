/**
 * Reads objects in the protobuf form, and of them only the fields that a part names: a large collection comes in a third of
 * the time that JSON takes, and without what nobody looks at.
 *
 *   object: "k8s\0" | Unknown { 1: TypeMeta, 2: raw (the object) }       watch: (length | WatchEvent { 1: type, 2: { 1: object } })…
 *
 * Sources: Kubernetes "API Concepts", protobuf encoding (KEP-2); protobuf wire format; the published .proto files.
 */

import { type FieldShape, field, type MessageShape, type Split } from "./message-shape.ts";

type Json = Record<string, unknown>;

/** A field, all of them alike in memory so that reading is fast, with what was read last of it. */
class Step {
  readonly name: string;
  readonly is: FieldShape["is"];
  readonly isList: boolean;
  readonly repeats: boolean;
  readonly isOptional: boolean;
  /** Of a map. */
  readonly only: readonly string[];
  /** Of a "split": the number of the field that is each one's own. */
  readonly own: number;
  readonly plan: Plan;
  last: Read | undefined;
  /** Of a "split": what was read, by a hash of its bytes. */
  readonly known = new Map<number, Read>();

  constructor(name: string, shape: FieldShape) {
    this.name = name;
    this.is = shape.is;
    this.isList = shape.list ?? false;
    this.repeats = shape.repeats ?? false;
    this.isOptional = shape.optional ?? false;
    this.only = shape.is === "map" ? shape.only : [];
    this.own = shape.is === "split" ? shape.own : 0;
    this.plan = shape.is === "message" ? planOf(shape.fields) : shape.is === "split" ? planOf(shape.shared) : noPlan;
    this.last = undefined;
  }
}

interface Read {
  readonly bytes: Buffer;
  readonly value: unknown;
}

/** How a message is read. */
interface Plan {
  /** By field number. */
  readonly steps: readonly (Step | undefined)[];
  /** Makes an empty object: one kind for each message, so that its fields are in the object itself and not in a list beside it. */
  readonly Message: new () => Json;
}

const noPlan: Plan = { steps: [], Message: newMessage() };
const plans = new WeakMap<MessageShape, Plan>();

function planOf(message: MessageShape): Plan {
  const known = plans.get(message);
  if (known) return known;
  const steps: (Step | undefined)[] = [];
  for (const [name, shape] of Object.entries(message)) steps[shape.number] = new Step(name, shape);
  const plan = { steps, Message: newMessage() };
  plans.set(message, plan);
  return plan;
}

/** The objects that it makes are plain ones. */
function newMessage(): new () => Json {
  function Message() {}
  Message.prototype = Object.prototype;
  return Message as unknown as new () => Json;
}

/** Where the reader is, and where the object's bytes end; one for all, for a call is never interrupted. */
let at = 0;
let limit = 0;

function varint(bytes: Buffer): number {
  const first = bytes[at] ?? 255;
  if (first < 128) {
    at++;
    return first;
  }
  let value = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = bytes[at++];
    if (byte === undefined) throw new RangeError("Cannot read an object in protobuf: it ends too early");
    if (byte < 128) return value + byte * factor;
    value += (byte & 127) * factor;
  }
}

function skip(bytes: Buffer, wireType: number): void {
  if (wireType === 0) varint(bytes);
  else if (wireType === 2) {
    // Not "at += …", which would take `at` before the length is read.
    const length = varint(bytes);
    at += length;
  } else if (wireType === 1) at += 8;
  else if (wireType === 5) at += 4;
  else throw new RangeError(`Cannot read an object in protobuf: wire type ${wireType} is not in use`);
}

function readMessage(bytes: Buffer, end: number, { steps, Message }: Plan): Json {
  const result = new Message();
  while (at < end) {
    const tag = varint(bytes);
    const step = steps[tag >>> 3];
    if (!step) skip(bytes, tag & 7);
    else if (step.is === "split") readSplit(result, step, bytes, end);
    else setValue(result, step, bytes);
  }
  return result;
}

/** Go writes unset texts and numbers as empty ones. */
function setValue(result: Json, step: Step, bytes: Buffer): void {
  const { name, is } = step;
  if (is === "boolean" || is === "number") {
    const value = varint(bytes);
    if (is === "boolean") result[name] = value !== 0;
    else if (value !== 0) result[name] = value;
    return;
  }
  const end = endOf(bytes);
  if (is === "map") {
    readEntry(result, step, bytes, end);
    at = end;
    return;
  }
  const value = step.repeats ? readOnce(step, bytes, end) : readValue(step, bytes, end);
  at = end;
  if (step.isList) {
    const list = result[name] as unknown[] | undefined;
    if (list) list.push(value);
    else result[name] = [value];
  } else if (value !== "" && value !== undefined && !(step.isOptional && isEmpty(value as Json))) result[name] = value;
}

function isEmpty(message: Json): boolean {
  for (const _ in message) return false;
  return true;
}

/** Reads the length of what comes next. */
function endOf(bytes: Buffer): number {
  const length = varint(bytes);
  if (at + length > limit) throw new RangeError("Cannot read an object in protobuf: it ends too early");
  return at + length;
}

let texts = Buffer.alloc(1 << 14);
let sharedBytes = Buffer.alloc(1 << 10);
/** What messages have in common changes in time: then all is forgotten, and read anew. */
const mostKnown = 20_000;

/** All items that follow each other, up to `end` at most: their texts are made to one string once. */
function readSplit(result: Json, step: Step, bytes: Buffer, end: number): void {
  const split = (result[step.name] ?? { texts: "", shared: [] }) as Split<unknown>;
  result[step.name] = split;
  const tag = bytes[at - 1];
  let length = 0;
  do {
    const itemEnd = endOf(bytes);
    if (length + itemEnd - at >= texts.length)
      texts = Buffer.concat([texts, Buffer.alloc(texts.length + itemEnd - at)]);
    if (split.shared.length > 0) texts[length++] = 32;
    length = readItem(split, step, { bytes, end: itemEnd, length });
  } while (at < end && bytes[at] === tag && at++ < end);
  split.texts += texts.toString("utf8", 0, length);
}

/** The item's text goes behind `length`; returns where it ends. Of several texts the first counts. */
function readItem(
  split: Split<unknown>,
  { own, plan, known }: Step,
  { bytes, end, length }: { bytes: Buffer; end: number; length: number },
): number {
  const begin = at;
  let to = length;
  let hash = 0;
  let size = 0;
  while (at < end) {
    const from = at;
    const tag = varint(bytes);
    const number = tag >>> 3;
    if (number === own) {
      const textEnd = endOf(bytes);
      if (to > length) at = textEnd;
      while (at < textEnd) texts[to++] = bytes[at++] ?? 0;
      continue;
    }
    skip(bytes, tag & 7);
    if (plan.steps[number] === undefined) continue;
    if (size + at - from > sharedBytes.length) sharedBytes = Buffer.concat([sharedBytes, Buffer.alloc(at - from)]);
    for (let i = from; i < at; i++) {
      const byte = bytes[i] ?? 0;
      hash = (hash * 31 + byte) | 0;
      sharedBytes[size++] = byte;
    }
  }
  let found = known.get(hash);
  if (!found || !isSame(found.bytes, sharedBytes, 0, size)) {
    if (known.size >= mostKnown) known.clear();
    at = begin;
    found = { bytes: Buffer.from(sharedBytes.subarray(0, size)), value: readMessage(bytes, end, plan) };
    known.set(hash, found);
  }
  split.shared.push(found.value);
  return to;
}

function readOnce(step: Step, bytes: Buffer, end: number): unknown {
  const { last } = step;
  if (last && isSame(last.bytes, bytes, at, end)) return last.value;
  const own = Buffer.from(bytes.subarray(at, end));
  const value = readValue(step, bytes, end);
  step.last = { bytes: own, value };
  return value;
}

/** A loop beats the call of a native function: most are a few bytes long. */
function isSame(known: Buffer, bytes: Buffer, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[start + i]) return false;
  return true;
}

function readValue({ is, plan }: Step, bytes: Buffer, end: number): unknown {
  switch (is) {
    case "text":
      return textOf(bytes, end);
    case "word":
      return readWord(bytes, end);
    case "time": {
      const { seconds = 0 } = readMessage(bytes, end, timePlan) as { seconds?: number };
      return seconds === 0 ? undefined : `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
    }
    default:
      return readMessage(bytes, end, plan);
  }
}

/** In UTF-8, which is what no name of an encoding says fastest. */
const textOf = (bytes: Buffer, end: number): string => bytes.toString(undefined, at, end);

/** The key stands before the value, which is not read for nothing. */
function readEntry(result: Json, { name, only }: Step, bytes: Buffer, end: number): void {
  let key = "";
  let value = "";
  while (at < end) {
    const tag = varint(bytes);
    const length = varint(bytes);
    if (tag >>> 3 === 1) key = readWord(bytes, at + length);
    else if (only.includes(key)) value = readWord(bytes, at + length);
    else return;
    at += length;
  }
  if (!only.includes(key)) return;
  const map = (result[name] ?? {}) as Json;
  result[name] = map;
  map[key] = value;
}

/** By a hash of their bytes; another one takes the place of the one before. */
const words: string[] = new Array<string>(4096).fill("");

function readWord(bytes: Buffer, end: number): string {
  let hash = 0;
  for (let i = at; i < end; i++) hash = (hash * 31 + (bytes[i] ?? 0)) | 0;
  const slot = hash & 4095;
  const known = words[slot] ?? "";
  if (known.length === end - at) {
    let same = 0;
    while (same < known.length && known.charCodeAt(same) === bytes[at + same]) same++;
    if (same === known.length) return known;
  }
  const word = textOf(bytes, end);
  words[slot] = word;
  return word;
}

const timePlan = planOf({ seconds: field.number(1) });
const envelopePlan = planOf({
  names: field.repeats(field.message(1, { apiVersion: field.word(1), kind: field.word(2) })),
});
const magic = 4;

interface Names {
  readonly apiVersion?: string;
  readonly kind?: string;
}

/** The object in `bytes` from `start` to `end`. Throws RangeError for damaged bytes. */
function readEnvelope(bytes: Buffer, { start, end }: { start: number; end: number }, plan: Plan): Json & Names {
  at = start + magic;
  limit = end;
  const outer: Json = {};
  let object: Json = {};
  while (at < end) {
    const tag = varint(bytes);
    const step = envelopePlan.steps[tag >>> 3];
    if (step) setValue(outer, step, bytes);
    else if (tag >>> 3 === 2) {
      const length = varint(bytes);
      object = readMessage(bytes, at + length, plan);
    } else skip(bytes, tag & 7);
  }
  const { apiVersion = "", kind = "" } = (outer.names ?? {}) as Names;
  object.apiVersion = apiVersion;
  object.kind = kind;
  return object;
}

export function readObject(bytes: Buffer, shape: MessageShape): Json & Names {
  return readEnvelope(bytes, { start: 0, end: bytes.length }, planOf(shape));
}

/** One watch event from `bytes`: the frame from `start` to `end`, without its length. `object` is read by the type: a Status for "ERROR". */
export function readEvent(
  bytes: Buffer,
  { start, end: frameEnd }: { start: number; end: number },
  shapeOf: (type: string) => MessageShape,
): { type: string; object: Json & Names } {
  at = start;
  let type = "";
  while (at < frameEnd) {
    const tag = varint(bytes);
    const length = varint(bytes);
    const end = at + length;
    if (tag >>> 3 === 1) type = readWord(bytes, end);
    else if (tag >>> 3 === 2) {
      skip(bytes, 0);
      const size = varint(bytes);
      if (at + size > frameEnd) throw new RangeError("Cannot read an object in protobuf: it ends too early");
      return { type, object: readEnvelope(bytes, { start: at, end: at + size }, planOf(shapeOf(type))) };
    }
    at = end;
  }
  throw new RangeError("Cannot read a watch event in protobuf: it has no object");
}
