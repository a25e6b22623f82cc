/** Writes scalar fields out of a JSON text. What is nested is written before its head: `before` is the length without it. */
import type { Scalar } from "../../api/schema-table.ts";
import { JsonTape } from "./json-tape.ts";
import { ReverseWriter } from "./reverse-writer.ts";

/** Writes a field with its head: its number, and where its value stands on the tape. */
export type Write = (number: number, node: number) => void;

// One object at a time: the next one is read when this one is written.
export const tape = new JsonTape();
export const writer = new ReverseWriter();

const isText = (node: number): boolean => tape.look(node) === 0x22;
const isFalse = (node: number): boolean => tape.look(node) === 0x66;
export const isList = (node: number): boolean => tape.look(node) === 0x5b;
export const isObject = (node: number): boolean => tape.look(node) === 0x7b;
export const isNull = (node: number): boolean => tape.look(node) === 0x6e;

/** `0`, `""` or `false`. */
export function isZero(node: number): boolean {
  const size = tape.end(node) - tape.start(node);
  return size === 1 ? tape.look(node) === 0x30 : size === 2 ? isText(node) : isFalse(node);
}

/** The value as it stands. */
function raw(node: number): void {
  writer.copy(tape.bytes, tape.start(node), tape.end(node));
}

function text(number: number, node: number): void {
  const before = writer.length;
  if (!isText(node)) raw(node);
  else if (tape.hasEscapes(node)) writer.text(String(tape.value(node)));
  else writer.copy(tape.bytes, tape.start(node) + 1, tape.end(node) - 1);
  writer.head(number, writer.length - before);
}

function whole(number: number, value: number): void {
  writer.varint(value);
  writer.varint(number * 8);
}

const int: Write = (number, node) => whole(number, tape.number(node));

const plainTime = '"2026-01-02T03:04:05Z"'.length;

/** Of a time as nearly all are; NaN: another one. */
function plainSeconds(node: number): number {
  const at = tape.start(node) + 1;
  const year = tape.digits(at, at + 4);
  // Date.UTC() takes a year below 100 for one of the last century.
  if (tape.end(node) - tape.start(node) !== plainTime || !(year >= 100)) return Number.NaN;
  const part = (index: number): number => tape.digits(at + index, at + index + 2);
  return Date.UTC(year, part(5) - 1, part(8), part(11), part(14), part(17)) / 1000;
}

function anyTime(value: string): void {
  const digits = /\.(\d{1,9})/.exec(value)?.[1];
  if (digits) whole(2, Number(digits.padEnd(9, "0")));
  whole(1, Math.floor(Date.parse(value) / 1000));
}

function time(number: number, node: number): void {
  const before = writer.length;
  const seconds = plainSeconds(node);
  if (Number.isNaN(seconds)) anyTime(String(tape.value(node)));
  else whole(1, seconds);
  writer.head(number, writer.length - before);
}

function intOrString(number: number, node: number): void {
  const before = writer.length;
  if (isText(node)) {
    text(3, node);
    whole(1, 1);
  } else {
    int(2, node);
    whole(1, 0);
  }
  writer.head(number, writer.length - before);
}

export const scalars: Readonly<Record<Scalar, Write>> = {
  string: text,
  boolean: (number, node) => whole(number, isFalse(node) ? 0 : 1),
  int32: int,
  int64: int,
  double(number, node) {
    writer.double(tape.number(node));
    writer.varint(number * 8 + 1);
  },
  time,
  microtime: time,
  bytes(number, node) {
    const bytes = Buffer.from(String(tape.value(node)), "base64");
    writer.bytes(bytes);
    writer.head(number, bytes.length);
  },
  /** A text in a message of its own. */
  quantity(number, node) {
    const before = writer.length;
    text(1, node);
    writer.head(number, writer.length - before);
  },
  intOrString,
  /** The JSON in a message of its own. */
  any(number, node) {
    const before = writer.length;
    raw(node);
    writer.head(1, writer.length - before);
    writer.head(number, writer.length - before);
  },
};
