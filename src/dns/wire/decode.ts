/** Reads whole messages, as answers from upstream are and as tests want them. */
import { CLASS_IN, HEADER_SIZE, RECORD_HEAD_SIZE, TYPE } from "./constants.ts";
import { skipName } from "./query.ts";
import type { DnsRecord, RecordData } from "./record.ts";

export class MessageError extends Error {
  constructor(fault: string) {
    super(`Cannot read a DNS message: ${fault}`);
    this.name = "MessageError";
  }
}

interface DecodedRecord extends DnsRecord {
  readonly class: number;
}

export interface Message {
  readonly id: number;
  readonly flags: number;
  readonly rcode: number;
  readonly question: { readonly name: string; readonly type: number; readonly class: number };
  readonly answers: readonly DecodedRecord[];
  readonly authority: readonly DecodedRecord[];
  readonly additional: readonly DecodedRecord[];
}

/** Throws MessageError for anything that is no message with exactly one question. */
export function decodeMessage(bytes: Buffer): Message {
  const { questionEnd, sections } = scanMessage(bytes);
  const nameEnd = questionEnd - 4;
  const [answers = [], authority = [], additional = []] = sections.map((places) =>
    places.map((place) => readRecord(bytes, place)),
  );
  return {
    id: bytes.readUInt16BE(0),
    flags: bytes.readUInt16BE(2),
    rcode: bytes.readUInt8(3) & 15,
    question: {
      name: readName(bytes, HEADER_SIZE),
      type: bytes.readUInt16BE(nameEnd),
      class: bytes.readUInt16BE(nameEnd + 2),
    },
    answers,
    authority,
    additional,
  };
}

/** Where a record stands: its owner name, its fixed part, and its end. */
export interface Place {
  readonly start: number;
  readonly head: number;
  readonly end: number;
}

/** Finds the question and the records of the three sections without reading names. */
export function scanMessage(bytes: Buffer): { questionEnd: number; sections: [Place[], Place[], Place[]] } {
  if (bytes.length < HEADER_SIZE) throw new MessageError("it is shorter than a header");
  if (bytes.readUInt16BE(4) !== 1) throw new MessageError("it has not exactly one question");
  const nameEnd = skipName(bytes, HEADER_SIZE);
  if (nameEnd === -1 || nameEnd + 4 > bytes.length) throw new MessageError("its question is damaged");
  let at = nameEnd + 4;
  const section = (count: number): Place[] => {
    const places: Place[] = [];
    for (let i = 0; i < count; i++) {
      const place = scanRecord(bytes, at);
      places.push(place);
      at = place.end;
    }
    return places;
  };
  const sections: [Place[], Place[], Place[]] = [
    section(bytes.readUInt16BE(6)),
    section(bytes.readUInt16BE(8)),
    section(bytes.readUInt16BE(10)),
  ];
  return { questionEnd: nameEnd + 4, sections };
}

function scanRecord(bytes: Buffer, start: number): Place {
  const head = skipName(bytes, start);
  if (head === -1 || head + RECORD_HEAD_SIZE > bytes.length) throw new MessageError("a record is cut off");
  const end = head + RECORD_HEAD_SIZE + bytes.readUInt16BE(head + 8);
  if (end > bytes.length) throw new MessageError("a record's data are cut off");
  return { start, head, end };
}

function readRecord(bytes: Buffer, { start, head, end }: Place): DecodedRecord {
  const type = bytes.readUInt16BE(head);
  const recordClass = bytes.readUInt16BE(head + 2);
  return {
    name: readName(bytes, start),
    class: recordClass,
    ttlSec: bytes.readUInt32BE(head + 4),
    data:
      recordClass === CLASS_IN
        ? readData(bytes, type, { start: head + RECORD_HEAD_SIZE, end })
        : { type: "other", number: type, bytes: Buffer.from(bytes.subarray(head + RECORD_HEAD_SIZE, end)) },
  };
}

function readData(bytes: Buffer, type: number, { start, end }: { start: number; end: number }): RecordData {
  const need = (size: number): void => {
    if (end - start < size) throw new MessageError("a record's data are too short");
  };
  switch (type) {
    case TYPE.A:
    case TYPE.AAAA: {
      const [name, size] = type === TYPE.A ? (["A", 4] as const) : (["AAAA", 16] as const);
      if (end - start !== size) throw new MessageError("an address has the wrong size");
      return { type: name, address: Buffer.from(bytes.subarray(start, end)) };
    }
    case TYPE.CNAME:
    case TYPE.PTR:
    case TYPE.NS: {
      const name = type === TYPE.CNAME ? "CNAME" : type === TYPE.PTR ? "PTR" : "NS";
      return { type: name, name: readName(bytes, start) };
    }
    case TYPE.SRV:
      need(7);
      return {
        type: "SRV",
        priority: bytes.readUInt16BE(start),
        weight: bytes.readUInt16BE(start + 2),
        port: bytes.readUInt16BE(start + 4),
        target: readName(bytes, start + 6),
      };
    case TYPE.MX:
      need(3);
      return { type: "MX", preference: bytes.readUInt16BE(start), exchange: readName(bytes, start + 2) };
    case TYPE.SOA:
      return readSoa(bytes, { start, end });
    default:
      return { type: "other", number: type, bytes: Buffer.from(bytes.subarray(start, end)) };
  }
}

function readSoa(bytes: Buffer, { start, end }: { start: number; end: number }): RecordData {
  const mailboxStart = skipName(bytes, start);
  const numbersStart = mailboxStart === -1 ? -1 : skipName(bytes, mailboxStart);
  if (numbersStart === -1 || numbersStart + 20 !== end) throw new MessageError("an SOA has the wrong size");
  const number = (index: number): number => bytes.readUInt32BE(numbersStart + 4 * index);
  return {
    type: "SOA",
    primary: readName(bytes, start),
    mailbox: readName(bytes, mailboxStart),
    numbers: [number(0), number(1), number(2), number(3), number(4)],
  };
}

/** The key, in the message's case, of the name at `start`. Pointers must lead backwards, so reading ends. */
function readName(bytes: Buffer, start: number): string {
  let key = "";
  let at = start;
  let limit = start;
  for (;;) {
    const size = bytes[at];
    if (size === undefined) throw new MessageError("a name is cut off");
    if (size === 0) return key;
    if (size >= 0xc0) {
      const target = ((size & 0x3f) << 8) | (bytes[at + 1] ?? 0);
      if (target >= limit) throw new MessageError("a name points forward");
      limit = target;
      at = target;
      continue;
    }
    if (size > 63 || at + 1 + size > bytes.length) throw new MessageError("a label is damaged");
    key += bytes.toString("latin1", at, at + 1 + size);
    if (key.length > 254) throw new MessageError("a name is too long");
    at += 1 + size;
  }
}
