/**
 * Builds netlink messages (RFC 3549; include/uapi/linux/netlink.h) one behind the other in a growing buffer.
 *
 *   0        4      6       8     12     16
 *   | length | type | flags | seq | port | family header … | attribute | attribute | …
 *   attribute: | length u16 | type u16 | payload | padding to 4 bytes |
 *
 * Numbers are in the host's order unless a method says big-endian; all machines that Node supports here are little-endian.
 */

import { putLatin1 } from "../latin1.ts";

const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
export const NLMSG_HEADER_SIZE = 16;
const NLA_F_NESTED = 0x8000;
const maxAttributeSize = 0xffff;

/** Sequence numbers are of the whole process, so that an answer of an older request is never taken for a newer one's. */
let lastSequence = 0;

export class MessageBuffer {
  #bytes: Buffer;
  #length = 0;
  #messageStart = -1;
  #count = 0;
  #ackSequences: number[] = [];

  constructor(initialSize = 4096) {
    this.#bytes = Buffer.allocUnsafe(initialSize);
  }

  /** What has been built so far; a view, valid until the next change. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Bytes built so far. */
  get length(): number {
    return this.#length;
  }

  /** Messages built so far. */
  get count(): number {
    return this.#count;
  }

  /** Sequence numbers of the messages that asked for an acknowledgement, in order. */
  get ackSequences(): readonly number[] {
    return this.#ackSequences;
  }

  /** Forgets all messages and keeps the memory. */
  reset(): void {
    this.#length = 0;
    this.#count = 0;
    this.#ackSequences = [];
  }

  /** Starts a message (NLM_F_REQUEST is added) and returns its sequence number. */
  begin(type: number, flags: number): number {
    const at = this.#reserve(NLMSG_HEADER_SIZE);
    lastSequence = (lastSequence + 1) & 0x7fffffff || 1;
    this.#messageStart = at;
    this.#bytes.writeUInt16LE(type, at + 4);
    this.#bytes.writeUInt16LE(flags | NLM_F_REQUEST, at + 6);
    this.#bytes.writeUInt32LE(lastSequence, at + 8);
    this.#bytes.writeUInt32LE(0, at + 12);
    if (flags & NLM_F_ACK) this.#ackSequences.push(lastSequence);
    this.#count++;
    return lastSequence;
  }

  /** Ends the message: writes its length. */
  end(): this {
    this.#bytes.writeUInt32LE(this.#length - this.#messageStart, this.#messageStart);
    return this;
  }

  /** Asks for an acknowledgement of the message begun last. */
  requestAck(): void {
    const flags = this.#bytes.readUInt16LE(this.#messageStart + 6);
    if (flags & NLM_F_ACK) return;
    this.#bytes.writeUInt16LE(flags | NLM_F_ACK, this.#messageStart + 6);
    this.#ackSequences.push(this.#bytes.readUInt32LE(this.#messageStart + 8));
  }

  // Fields of family headers: no padding is added.

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#bytes[at] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2);
    this.#bytes.writeUInt16LE(value, at);
    return this;
  }

  u16be(value: number): this {
    const at = this.#reserve(2);
    this.#bytes.writeUInt16BE(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    this.#bytes.writeUInt32LE(value >>> 0, at);
    return this;
  }

  /** Raw bytes, padded to 4. */
  raw(value: Uint8Array): this {
    const at = this.#reserve(align4(value.length));
    this.#bytes.set(value, at);
    this.#bytes.fill(0, at + value.length, this.#length);
    return this;
  }

  // Attributes.

  attrFlag(type: number): this {
    this.#attribute(type, 0);
    return this;
  }

  attrU8(type: number, value: number): this {
    const at = this.#attribute(type, 1);
    this.#bytes[at] = value;
    return this;
  }

  attrU16(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#bytes.writeUInt16LE(value, at);
    return this;
  }

  attrU16be(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#bytes.writeUInt16BE(value, at);
    return this;
  }

  attrU32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#bytes.writeUInt32LE(value >>> 0, at);
    return this;
  }

  attrU32be(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#bytes.writeUInt32BE(value >>> 0, at);
    return this;
  }

  attrU64be(type: number, value: bigint | number): this {
    const at = this.#attribute(type, 8);
    this.#bytes.writeBigUInt64BE(BigInt(value), at);
    return this;
  }

  attrBytes(type: number, value: Uint8Array): this {
    const at = this.#attribute(type, value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** Bytes as text, one character for each. */
  attrLatin1(type: number, value: string): this {
    return this.putLatin1(this.#attribute(type, value.length), value, 0, value.length);
  }

  /** A string with its closing zero byte. */
  attrString(type: number, value: string): this {
    const size = Buffer.byteLength(value);
    const at = this.#attribute(type, size + 1);
    this.#bytes.write(value, at);
    this.#bytes[at + size] = 0;
    return this;
  }

  /** Opens a nested attribute; hand the result to `unnest`. */
  nest(type: number): number {
    const at = this.#reserve(4);
    this.#header(at, 0, type | NLA_F_NESTED);
    return at;
  }

  unnest(start: number): this {
    const size = this.#length - start;
    if (size > maxAttributeSize)
      throw new RangeError(`A nested attribute has ${size} bytes, more than netlink can hold`);
    this.#bytes[start] = size & 255;
    this.#bytes[start + 1] = size >> 8;
    return this;
  }

  // What stands there already.

  /** The last `size` bytes once more. */
  repeat(size: number): this {
    const at = this.#reserve(size);
    const bytes = this.#bytes;
    for (let i = at; i < this.#length; i++) bytes[i] = bytes[i - size] as number;
    return this;
  }

  putU32(at: number, value: number): this {
    const bytes = this.#bytes;
    for (let i = 0; i < 4; i++) bytes[at + i] = value >>> (8 * i);
    return this;
  }

  /** `size` characters of `value` from `start` on. */
  putLatin1(at: number, value: string, start: number, size: number): this {
    putLatin1(this.#bytes, at, value, start, size);
    return this;
  }

  /** Writes the header and the padding of an attribute and returns where its payload of `size` bytes goes. */
  #attribute(type: number, size: number): number {
    if (size + 4 > maxAttributeSize) throw new RangeError(`An attribute has ${size} bytes, more than netlink can hold`);
    const at = this.#reserve(4 + align4(size));
    this.#header(at, size + 4, type);
    for (let i = at + 4 + size; i < this.#length; i++) this.#bytes[i] = 0;
    return at + 4;
  }

  /** Byte by byte: there are 600,000 at a start, and a method of Buffer checks its arguments. */
  #header(at: number, size: number, type: number): void {
    const bytes = this.#bytes;
    bytes[at] = size & 255;
    bytes[at + 1] = size >> 8;
    bytes[at + 2] = type & 255;
    bytes[at + 3] = type >> 8;
  }

  #reserve(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }
}

export function align4(size: number): number {
  return (size + 3) & ~3;
}
