/** A TCP segment that belongs to no connection: connection tracking calls it INVALID. Whoever gets it answers with a reset. */
import { socketAddress } from "../../../src/kernel/datagrams.ts";
import {
  AF_INET,
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
import { parseAddress } from "../../../src/kernel/route/address-bytes.ts";
import type { Answer } from "../order.ts";
import { nextSourcePort } from "./text.ts";

const IPPROTO_TCP = 6;
const headerSize = 20;
const flags = { reset: 4, synAck: 18 } as const;
const pollMs = 4;

/** "refused": the reset came. IPv4 only. */
export async function stray({
  host,
  port,
  local,
  timeoutMs,
}: {
  host: string;
  port: number;
  local: string;
  timeoutMs: number;
}): Promise<Answer> {
  const [from, to] = [parseAddress(local), parseAddress(host)];
  const fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_TCP);
  try {
    bind(fd, socketAddress(from, 0));
    connect(fd, socketAddress(to, 0));
    const source = nextSourcePort();
    sendTo(fd, segment({ from, to, source, port }));
    const end = Date.now() + timeoutMs;
    for (; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, pollMs))) {
      const got = read(fd);
      if (got?.readUInt16BE(2) === source && (got.readUInt8(13) & flags.reset) !== 0) return { failure: "refused" };
    }
    return { failure: "silence" };
  } finally {
    close(fd);
  }
}

/** source port, destination port, sequence, acknowledged, header's words and flags, window, checksum, urgent */
function segment({
  from,
  to,
  source,
  port,
}: {
  from: Uint8Array;
  to: Uint8Array;
  source: number;
  port: number;
}): Buffer {
  const bytes = Buffer.alloc(headerSize);
  bytes.writeUInt16BE(source, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.writeUInt32BE(1, 4);
  bytes.writeUInt32BE(1, 8);
  bytes.writeUInt8((headerSize / 4) << 4, 12);
  bytes.writeUInt8(flags.synAck, 13);
  bytes.writeUInt16BE(1024, 14);
  bytes.writeUInt16BE(checksum(Buffer.concat([from, to, Buffer.from([0, IPPROTO_TCP, 0, headerSize]), bytes])), 16);
  return bytes;
}

function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const buffer = Buffer.alloc(2048);

function read(fd: number): Buffer | undefined {
  try {
    const packet = buffer.subarray(0, receive(fd, buffer));
    return packet.subarray(((packet[0] ?? 0) & 15) * 4);
  } catch (error) {
    if (hasCode(error, "EAGAIN")) return undefined;
    throw error;
  }
}
