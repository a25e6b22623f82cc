/** Reads a query (RFC 1035 section 4.1, RFC 6891 section 6.1) without copying it. */
import { HEADER_SIZE, PLAIN_UDP_SIZE, QR, RCODE, RECORD_HEAD_SIZE, TYPE } from "./constants.ts";
import { lowerKey } from "./name.ts";

/** What the asker's OPT record says. */
interface Edns {
  /** The largest UDP answer that the asker takes. */
  readonly size: number;
  readonly dnssecOk: boolean;
}

export interface Query {
  /** The whole message. */
  readonly packet: Buffer;
  /** Lower-cased key of the name. */
  readonly name: string;
  /** Where its labels begin in `name`. */
  readonly starts: readonly number[];
  readonly type: number;
  readonly class: number;
  /** The question is packet[12, questionEnd). */
  readonly questionEnd: number;
  readonly edns: Edns | undefined;
}

export type ParsedQuery =
  | { readonly kind: "query"; readonly query: Query }
  /** To be answered with this code, without looking at the data; the question was readable if `query` is there. */
  | { readonly kind: "fault"; readonly rcode: number; readonly query?: Query }
  /** No query at all: not to be answered, so that two servers never talk to each other for ever. */
  | { readonly kind: "drop" };

const drop: ParsedQuery = { kind: "drop" };
const malformed: ParsedQuery = { kind: "fault", rcode: RCODE.FORMERR };
const maxNameSize = 255;

export function parseQuery(packet: Buffer): ParsedQuery {
  if (packet.length < HEADER_SIZE) return drop;
  const flags = byte(packet, 2);
  if (flags & QR) return drop;
  if ((flags >> 3) & 15) return { kind: "fault", rcode: RCODE.NOTIMP };
  const [authority, additional] = [pair(packet, 8), pair(packet, 10)];
  if (pair(packet, 4) !== 1 || pair(packet, 6) > 1 || authority > 1 || additional > 2) return malformed;

  const starts: number[] = [];
  const nameEnd = scanName(packet, starts);
  if (nameEnd === -1 || nameEnd + 4 > packet.length) return malformed;
  const name = lowerKey(packet.toString("latin1", HEADER_SIZE, nameEnd - 1));
  const questionEnd = nameEnd + 4;
  const question = { packet, name, starts, type: pair(packet, nameEnd), class: pair(packet, nameEnd + 2), questionEnd };
  const records = pair(packet, 6) + authority + additional;
  if (records === 0) return { kind: "query", query: { ...question, edns: undefined } };
  return readEdns(question, records);
}

/** Collects where the labels of the question's name begin and returns where it ends, -1 if it is malformed or compressed. */
function scanName(packet: Buffer, starts: number[]): number {
  let at = HEADER_SIZE;
  for (;;) {
    const size = packet[at];
    if (size === undefined || size > 63) return -1;
    if (size === 0) return at + 1 - HEADER_SIZE > maxNameSize ? -1 : at + 1;
    starts.push(at - HEADER_SIZE);
    at += 1 + size;
  }
}

function readEdns(question: Omit<Query, "edns">, records: number): ParsedQuery {
  const { packet } = question;
  let edns: Edns | undefined;
  let version = 0;
  let at = question.questionEnd;
  for (let i = 0; i < records; i++) {
    const head = skipName(packet, at);
    if (head === -1 || head + RECORD_HEAD_SIZE > packet.length) return malformed;
    if (pair(packet, head) === TYPE.OPT) {
      if (edns || head !== at + 1) return malformed; // one only, owned by the root (RFC 6891 section 6.1.1)
      version = byte(packet, head + 5);
      edns = {
        size: Math.max(pair(packet, head + 2), PLAIN_UDP_SIZE),
        dnssecOk: (byte(packet, head + 6) & 0x80) !== 0,
      };
    }
    at = head + RECORD_HEAD_SIZE + pair(packet, head + 8);
    if (at > packet.length) return malformed;
  }
  const query = { ...question, edns };
  return version === 0 ? { kind: "query", query } : { kind: "fault", rcode: RCODE.BADVERS, query };
}

/** Where the name at `at` ends, which may end in a pointer; -1 if it is malformed. */
export function skipName(packet: Buffer, at: number): number {
  let position = at;
  for (;;) {
    const size = packet[position];
    if (size === undefined) return -1;
    if (size === 0) return position + 1;
    if (size >= 0xc0) return position + 2 <= packet.length ? position + 2 : -1;
    if (size > 63) return -1;
    position += 1 + size;
  }
}

function byte(packet: Buffer, at: number): number {
  return packet[at] ?? 0;
}

function pair(packet: Buffer, at: number): number {
  return (byte(packet, at) << 8) | byte(packet, at + 1);
}
