/**
 * The first two packets of SCTP's handshake (RFC 9260, 3.3.2 and 3.3.3) through raw sockets. The one who answers puts what a
 * server of the lab says into the state cookie.
 *
 *   source port, destination port, tag, CRC32c | chunk: type, flags, length, tag, window, streams out, streams in, TSN | parameters
 */
import { DatagramBatch, socketAddress } from "../../../src/kernel/datagrams.ts";
import {
  AF_INET,
  AF_INET6,
  bind,
  close,
  connect,
  hasCode,
  receive,
  SOCK_NONBLOCK,
  SOCK_RAW,
  sendTo,
  socket,
} from "../../../src/kernel/ffi.ts";
import { formatAddress, parseAddress } from "../../../src/kernel/route/address-bytes.ts";
import type { Answer, Target } from "../order.ts";
import { failure, nextSourcePort } from "./text.ts";

const IPPROTO_SCTP = 132;
const INIT = 1;
const INIT_ACK = 2;
const stateCookie = 7;
const headerSize = 12;
const chunkSize = 20;
const pollMs = 4;
const againMs = 250;

interface Handshake {
  readonly source: number;
  readonly destination: number;
  /** Of the receiver; 0 in an INIT. */
  readonly tag: number;
  readonly chunk: typeof INIT | typeof INIT_ACK;
  readonly ownTag: number;
  readonly cookie?: string;
}

function encode({ source, destination, tag, chunk, ownTag, cookie = "" }: Handshake): Buffer {
  const text = Buffer.from(cookie);
  const parameter = text.length === 0 ? 0 : 4 + text.length;
  const bytes = Buffer.alloc(headerSize + chunkSize + parameter + (-parameter & 3));
  bytes.writeUInt16BE(source, 0);
  bytes.writeUInt16BE(destination, 2);
  bytes.writeUInt32BE(tag, 4);
  bytes.writeUInt8(chunk, 12);
  bytes.writeUInt16BE(chunkSize + parameter, 14);
  bytes.writeUInt32BE(ownTag, 16);
  bytes.writeUInt32BE(65_535, 20);
  bytes.writeUInt16BE(1, 24);
  bytes.writeUInt16BE(1, 26);
  bytes.writeUInt32BE(1, 28);
  if (parameter > 0) {
    bytes.writeUInt16BE(stateCookie, 32);
    bytes.writeUInt16BE(parameter, 34);
    text.copy(bytes, 36);
  }
  bytes.writeUInt32LE(crc32c(bytes), 8);
  return bytes;
}

/** Undefined for what is no part of a handshake, or damaged: a translation that leaves the checksum wrong is noticed here. */
function decode(bytes: Buffer): Handshake | undefined {
  const chunk = bytes.length < headerSize + chunkSize ? 0 : bytes.readUInt8(12);
  if (chunk !== INIT && chunk !== INIT_ACK) return undefined;
  const sum = bytes.readUInt32LE(8);
  const zeroed = Buffer.from(bytes);
  zeroed.writeUInt32LE(0, 8);
  if (crc32c(zeroed) !== sum) return undefined;
  const hasCookie = bytes.length > headerSize + chunkSize && bytes.readUInt16BE(32) === stateCookie;
  return {
    source: bytes.readUInt16BE(0),
    destination: bytes.readUInt16BE(2),
    tag: bytes.readUInt32BE(4),
    chunk,
    ownTag: bytes.readUInt32BE(16),
    ...(hasCookie ? { cookie: bytes.toString("utf8", 36, 32 + bytes.readUInt16BE(34)) } : {}),
  };
}

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0x82f63b78 : 0);
  return value;
});

function crc32c(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = (sum >>> 8) ^ (table[(sum ^ byte) & 255] ?? 0);
  return ~sum >>> 0;
}

/** A raw IPv4 socket gives the IP header too. */
const withoutIpHeader = (packet: Buffer, isIpv4: boolean): Buffer =>
  isIpv4 ? packet.subarray(((packet[0] ?? 0) & 15) * 4) : packet;

const ports = new Map<number, string>();

/** Answers on all of the host's addresses. */
export function serveRaw(port: number, name: string): void {
  if (ports.size === 0) for (const family of [AF_INET, AF_INET6]) listen(family);
  ports.set(port, name);
}

function listen(family: number): void {
  const batch = new DatagramBatch(socket(family, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_SCTP));
  setInterval(() => {
    const count = batch.receive();
    for (let i = 0; i < count; i++) {
      const init = decode(withoutIpHeader(batch.packet(i), family === AF_INET));
      const name = init?.chunk === INIT ? ports.get(init.destination) : undefined;
      if (!init || name === undefined) continue;
      const { source, destination, ownTag } = init;
      const peerBytes = batch.peer(i);
      const peer = formatAddress(family === AF_INET ? peerBytes.subarray(4, 8) : peerBytes.subarray(8, 24));
      const cookie = JSON.stringify({ name, peer, port: destination });
      const answer = encode({
        source: destination,
        destination: source,
        tag: ownTag,
        chunk: INIT_ACK,
        ownTag: 1,
        cookie,
      });
      batch.reply(i, answer);
    }
    batch.flush();
  }, pollMs);
}

/** One at a time: an ICMP error goes to all raw sockets of its addresses. */
let last: Promise<unknown> = Promise.resolve();

export function askRaw(target: Target, timeoutMs: number): Promise<Answer> {
  const mine = last.then(() => handshake(target, timeoutMs).catch(failure));
  last = mine;
  return mine;
}

async function handshake({ host, port, local }: Target, timeoutMs: number): Promise<Answer> {
  const address = parseAddress(host);
  const fd = socket(address.length === 4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_SCTP);
  try {
    if (local) bind(fd, socketAddress(parseAddress(local), 0));
    connect(fd, socketAddress(address, 0));
    const init: Handshake = { source: nextSourcePort(), destination: port, tag: 0, chunk: INIT, ownTag: 0x1234567 };
    const end = Date.now() + timeoutMs;
    for (let sentAt = 0; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, pollMs))) {
      const got = read(fd, address.length === 4);
      if (got?.chunk === INIT_ACK && got.destination === init.source && got.source === port && got.tag === init.ownTag)
        return { ...JSON.parse(got.cookie ?? "{}"), from: host };
      if (Date.now() - sentAt < againMs) continue;
      sentAt = Date.now();
      send(fd, encode(init));
    }
    return { failure: "silence" };
  } finally {
    close(fd);
  }
}

/** A rule that drops or rejects what leaves this host is an error of the call too; the answer to a reject comes as to all others. */
function send(fd: number, bytes: Buffer): void {
  try {
    sendTo(fd, bytes);
  } catch (error) {
    if (!hasCode(error, "EPERM")) throw error;
  }
}

const buffer = Buffer.alloc(2048);

function read(fd: number, isIpv4: boolean): Handshake | undefined {
  try {
    return decode(withoutIpHeader(buffer.subarray(0, receive(fd, buffer)), isIpv4));
  } catch (error) {
    if (hasCode(error, "EAGAIN")) return undefined;
    throw error;
  }
}
