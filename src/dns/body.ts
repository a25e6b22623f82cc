/**
 * Ready answers. A Body is all of an answer behind the question; since its names point into the question by place, it fits any query of the
 * same name, in whatever case it is written. `compose` puts header, the asker's own question, body and OPT together.
 */
import {
  AA,
  CD,
  HEADER_SIZE,
  MAX_MESSAGE_SIZE,
  OPT_SIZE,
  PLAIN_UDP_SIZE,
  QR,
  RA,
  RCODE,
  RD,
  TC,
  TYPE,
} from "./wire/constants.ts";
import { MessageEncoder } from "./wire/encoder.ts";
import type { Query } from "./wire/query.ts";
import type { DnsRecord } from "./wire/record.ts";

export interface Body {
  readonly rcode: number;
  readonly authoritative: boolean;
  /** Records did not fit into any message, or a server before us left them out. */
  readonly truncated: boolean;
  readonly answers: number;
  readonly authority: number;
  readonly additional: number;
  readonly bytes: Buffer;
  /** Where each record ends in `bytes`. */
  readonly ends: readonly number[];
  /** Size of an answer, if all are of one size and may be given in any order; else 0. */
  readonly rotateSize: number;
  /** Places of the TTLs in `bytes`, to be counted down by the age of the body; none for our own data. */
  readonly ttlPlaces: readonly number[];
}

/** Encodes records that answer a question of this name; additional ones that do not fit are left out. */
export function encodeBody(
  questionName: string,
  sections: {
    readonly answers: readonly DnsRecord[];
    readonly authority?: readonly DnsRecord[];
    readonly additional?: readonly DnsRecord[];
  },
  options: { readonly rcode?: number; readonly authoritative?: boolean; readonly rotate?: boolean } = {},
): Body {
  const { answers, authority = [], additional = [] } = sections;
  const encoder = new MessageEncoder(questionName);
  const start = encoder.length;
  const ends: number[] = [];
  const write = (records: readonly DnsRecord[]): number => {
    let written = 0;
    for (const record of records) {
      if (!encoder.add(record)) break;
      written++;
      ends.push(encoder.length - start);
    }
    return written;
  };
  const written = { answers: write(answers), authority: write(authority) };
  const truncated = written.answers + written.authority < answers.length + authority.length;
  return {
    rcode: options.rcode ?? RCODE.NOERROR,
    authoritative: options.authoritative ?? true,
    truncated,
    ...written,
    additional: truncated ? 0 : write(additional),
    bytes: encoder.slice(start),
    ends,
    rotateSize: options.rotate && written.answers > 1 ? (ends[0] ?? 0) : 0,
    ttlPlaces: none,
  };
}

export interface ComposeOptions {
  /** The transport's limit is the asker's (UDP) or a message's (TCP). */
  readonly protocol: "udp" | "tcp";
  /** This server asks others: the RA bit. */
  readonly recursion: boolean;
  readonly random: () => number;
  /** Age of the body, taken off its TTLs. */
  readonly ageSec?: number;
}

/** The whole answer to `query`, as large as the asker takes it. */
export function compose(query: Query, body: Body, options: ComposeOptions): Buffer {
  const optSize = query.edns ? OPT_SIZE : 0;
  const limit = options.protocol === "tcp" ? MAX_MESSAGE_SIZE : (query.edns?.size ?? PLAIN_UDP_SIZE);
  const bodyStart = query.questionEnd;
  const room = limit - bodyStart - optSize;
  const fit = body.bytes.length <= room ? undefined : fitting(body, room);
  const size = fit ? (fit.records === 0 ? 0 : (body.ends[fit.records - 1] ?? 0)) : body.bytes.length;

  const out = Buffer.allocUnsafe(bodyStart + size + optSize);
  query.packet.copy(out, 0, 0, bodyStart);
  copyBody(body, size, out, bodyStart, options.random);
  writeHeader(out, body, options.recursion, fit);
  if (options.ageSec) countDown(out, body, { bodyStart, size, ageSec: options.ageSec });
  if (query.edns) writeOpt(out, bodyStart + size, { ...query.edns, rcode: body.rcode });
  return out;
}

interface Fit {
  readonly records: number;
  readonly truncated: boolean;
}

/** Whole records, in order; only lost answers and authority count as truncation (RFC 2181 section 9). */
function fitting(body: Body, room: number): Fit {
  let records = 0;
  while (records < body.ends.length && (body.ends[records] ?? 0) <= room) records++;
  return { records, truncated: records < body.answers + body.authority };
}

/** Copies the body; answers that may stand in any order begin at a random one, so that askers spread over all. */
function copyBody(body: Body, size: number, out: Buffer, at: number, random: () => number): void {
  const { bytes, rotateSize, answers } = body;
  if (rotateSize === 0) {
    bytes.copy(out, at, 0, size);
    return;
  }
  const total = answers * rotateSize;
  const first = Math.floor(random() * answers) * rotateSize;
  const wanted = Math.min(size, total);
  const head = Math.min(wanted, total - first);
  bytes.copy(out, at, first, first + head);
  if (head < wanted) bytes.copy(out, at + head, 0, wanted - head);
  if (size > total) bytes.copy(out, at + total, total, size);
}

function writeHeader(out: Buffer, body: Body, recursion: boolean, fit: Fit | undefined): void {
  const [flags = 0, more = 0] = [out[2], out[3]];
  const truncated = body.truncated || fit?.truncated;
  out[2] = QR | (body.authoritative ? AA : 0) | (truncated ? TC : 0) | (flags & (RD | 0x78));
  out[3] = (recursion ? RA : 0) | (more & CD) | (body.rcode & 15);
  const records = fit?.records ?? Number.POSITIVE_INFINITY;
  const answers = Math.min(records, body.answers);
  const authority = Math.min(records - answers, body.authority);
  const additional = Math.min(records - answers - authority, body.additional);
  out.writeUInt16BE(answers, 6);
  out.writeUInt16BE(authority, 8);
  out.writeUInt16BE(additional, 10);
}

function countDown(out: Buffer, body: Body, part: { bodyStart: number; size: number; ageSec: number }): void {
  for (const place of body.ttlPlaces) {
    if (place >= part.size) return;
    const at = part.bodyStart + place;
    out.writeUInt32BE(Math.max(0, out.readUInt32BE(at) - part.ageSec), at);
  }
}

/** RFC 6891 section 6.1.3: the upper eight bits of the code stand where other records have their TTL. */
function writeOpt(out: Buffer, at: number, opt: { size: number; dnssecOk: boolean; rcode: number }): void {
  out[at] = 0;
  out.writeUInt16BE(TYPE.OPT, at + 1);
  out.writeUInt16BE(opt.size, at + 3);
  out[at + 5] = opt.rcode >> 4;
  out[at + 6] = 0;
  out[at + 7] = opt.dnssecOk ? 0x80 : 0;
  out[at + 8] = 0;
  out[at + 9] = 0;
  out[at + 10] = 0;
  out.writeUInt16BE(out.readUInt16BE(10) + 1, 10);
}

/** An answer that is only a code, with the question if it could be read. */
export function composeFault(packet: Buffer, rcode: number, query?: Query): Buffer {
  if (query) {
    return compose(query, faultBody(rcode), { protocol: "udp", recursion: false, random: () => 0 });
  }
  const out = Buffer.alloc(HEADER_SIZE);
  packet.copy(out, 0, 0, 2);
  out[2] = QR | ((packet[2] ?? 0) & (RD | 0x78));
  out[3] = rcode & 15;
  return out;
}

/** A body without records. */
export function faultBody(rcode: number, authoritative = false): Body {
  return {
    rcode,
    authoritative,
    truncated: false,
    answers: 0,
    authority: 0,
    additional: 0,
    bytes: noBytes,
    ends: none,
    rotateSize: 0,
    ttlPlaces: none,
  };
}

const noBytes = Buffer.alloc(0);
const none: readonly number[] = [];
