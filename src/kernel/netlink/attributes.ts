/** Reads netlink attributes (include/uapi/linux/netlink.h, struct nlattr). */
import { align4 } from "./message.ts";

/** NLA_F_NESTED and NLA_F_NET_BYTEORDER are flags beside the type. */
const typeMask = 0x3fff;

/** Calls `visit(type, offset, size)` for each attribute between `start` and `end`, with the place of its payload; ends at a damaged one. */
export function eachAttribute(
  bytes: Buffer,
  range: { readonly start: number; readonly end: number },
  visit: (type: number, offset: number, size: number) => void,
): void {
  let at = range.start;
  while (at + 4 <= range.end) {
    const size = bytes.readUInt16LE(at);
    if (size < 4 || at + size > range.end) return;
    visit(bytes.readUInt16LE(at + 2) & typeMask, at + 4, size - 4);
    at += align4(size);
  }
}

/** The attributes by type, as views of `bytes`; of one that comes twice the last counts. */
export function readAttributes(bytes: Buffer, start = 0): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  eachAttribute(bytes, { start, end: bytes.length }, (type, offset, size) => {
    attributes.set(type, bytes.subarray(offset, offset + size));
  });
  return attributes;
}

/** The payloads of a list, whose elements all have one type. */
export function readList(bytes: Buffer): Buffer[] {
  const elements: Buffer[] = [];
  eachAttribute(bytes, { start: 0, end: bytes.length }, (_type, offset, size) => {
    elements.push(bytes.subarray(offset, offset + size));
  });
  return elements;
}

/** A string without its closing zero byte. */
export function readString(payload: Buffer): string {
  const end = payload.indexOf(0);
  return payload.toString("utf8", 0, end === -1 ? payload.length : end);
}
