/** Writes a message with name compression (RFC 1035 section 4.1.4). */
import { CLASS_IN, HEADER_SIZE, MAX_MESSAGE_SIZE, RECORD_HEAD_SIZE } from "./constants.ts";
import { type DnsRecord, type RecordData, typeNumber } from "./record.ts";

/** A pointer holds 14 bits. */
const maxPointer = 0x3fff;
const POINTER = 0xc000;

export class MessageEncoder {
  #bytes: Buffer;
  #length: number;
  /** Key of a name or of an ending of one → where it stands. */
  readonly #places = new Map<string, number>();

  /** Starts behind a question of this name; header and question are left empty for whoever sends the message. */
  constructor(questionName: string, initialSize = 512) {
    this.#bytes = Buffer.allocUnsafe(initialSize);
    this.#length = HEADER_SIZE;
    this.#name(questionName, true);
    this.#reserve(4);
  }

  get length(): number {
    return this.#length;
  }

  /** Writes a record and says whether it fitted into a message's 65,535 bytes; one that does not leaves no trace. */
  add({ name, ttlSec, data }: DnsRecord): boolean {
    const start = this.#length;
    this.#name(name, true);
    const head = this.#reserve(RECORD_HEAD_SIZE);
    this.#bytes.writeUInt16BE(typeNumber(data), head);
    this.#bytes.writeUInt16BE(CLASS_IN, head + 2);
    this.#bytes.writeUInt32BE(ttlSec, head + 4);
    this.#data(data);
    if (this.#length > MAX_MESSAGE_SIZE) {
      this.#length = start;
      for (const [key, place] of this.#places) if (place >= start) this.#places.delete(key);
      return false;
    }
    this.#bytes.writeUInt16BE(this.#length - head - RECORD_HEAD_SIZE, head + 8);
    return true;
  }

  /** A copy of what stands from `start` on. */
  slice(start: number): Buffer {
    return Buffer.from(this.#bytes.subarray(start, this.#length));
  }

  #data(data: RecordData): void {
    switch (data.type) {
      case "A":
      case "AAAA":
        this.#raw(data.address);
        return;
      case "CNAME":
      case "PTR":
      case "NS":
        this.#name(data.name, true);
        return;
      case "SRV":
        for (const value of [data.priority, data.weight, data.port]) this.#u16(value);
        this.#name(data.target, false); // RFC 2782: the target is not compressed
        return;
      case "MX":
        this.#u16(data.preference);
        this.#name(data.exchange, true);
        return;
      case "TXT":
        this.#raw(Buffer.from([Buffer.byteLength(data.text)]));
        this.#raw(Buffer.from(data.text));
        return;
      case "SOA":
        this.#name(data.primary, true);
        this.#name(data.mailbox, true);
        for (const value of data.numbers) this.#u32(value);
        return;
      case "other":
        this.#raw(data.bytes);
        return;
    }
  }

  #name(key: string, compress: boolean): void {
    for (let at = 0; at < key.length; ) {
      const ending = key.slice(at);
      const place = this.#places.get(ending);
      if (place !== undefined && compress) {
        this.#u16(POINTER | place);
        return;
      }
      if (place === undefined && this.#length <= maxPointer) this.#places.set(ending, this.#length);
      const size = 1 + key.charCodeAt(at);
      const to = this.#reserve(size);
      this.#bytes.write(ending.slice(0, size), to, "latin1");
      at += size;
    }
    const end = this.#reserve(1);
    this.#bytes[end] = 0;
  }

  #u16(value: number): void {
    const at = this.#reserve(2);
    this.#bytes.writeUInt16BE(value, at);
  }

  #u32(value: number): void {
    const at = this.#reserve(4);
    this.#bytes.writeUInt32BE(value, at);
  }

  #raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  #reserve(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(this.#length * 2);
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }
}
