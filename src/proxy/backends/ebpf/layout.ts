/**
 * Keys and values of the maps as bytes; src/kernel/bpf/programs/services.h has the same layouts. One character stands for one
 * byte. Addresses are 16 bytes (IPv4 as ::ffff:a.b.c.d), ports in network order, other numbers in the machine's.
 */

import { putLatin1 } from "../../../kernel/latin1.ts";
import type { Bytes } from "../../../kernel/nftables/port.ts";
import { addressBytes, protocolNumbers, readU32, u32 } from "../../../kernel/nftables/values.ts";
import type { Cidr } from "../../../net/cidr.ts";
import { formatIp, type IpFamily } from "../../../net/ip.ts";
import type { Protocol } from "../../state.ts";
import type { Lists } from "../nftables/elements.ts";

const mapped = `${"\0".repeat(10)}\xff\xff`;

const scratch = Buffer.alloc(64);

/** The same text in one piece. What is put together is kept as its parts, which weigh twice as much. */
const inOnePiece = (text: string): string => scratch.toString("latin1", 0, scratch.write(text, "latin1"));

/** struct address */
export function address(text: string): string {
  const bytes = addressBytes(text);
  return bytes.length === 4 ? mapped + bytes : bytes;
}

/** Stands in a destination for any address of the node. */
export const anyAddress: Readonly<Record<IpFamily, string>> = {
  IPv4: `${mapped}\0\0\0\0`,
  IPv6: "\0".repeat(16),
};

const port = (number: number): string => String.fromCharCode(number >> 8, number & 255);

/** struct destination */
export function destination(addressKey: string, number: number, protocol: Protocol): string {
  return inOnePiece(`${addressKey}${port(number)}${String.fromCharCode(protocolNumbers[protocol])}\0`);
}

/** struct service; `refused`: there is no endpoint anywhere, and a client is told so at once. */
export interface ServiceValue {
  readonly id: number;
  readonly set: number;
  readonly count: number;
  readonly affinitySec: number;
  readonly refused?: boolean;
  /** Packets get the node's address. */
  readonly masquerade?: boolean;
}

export function serviceValue({ id, set, count, affinitySec, refused, masquerade }: ServiceValue): string {
  let length = 0;
  for (const number of [id, set, count, affinitySec, (refused ? 1 : 0) | (masquerade ? 2 : 0)])
    length = scratch.writeUInt32LE(number, length);
  return scratch.toString("latin1", 0, length);
}

/** struct slot, struct handle */
export function pair(set: number, number: number): string {
  return u32(set) + u32(number);
}

const endpointSize = 24;

let endpointBytes = Buffer.alloc(1 << 12);

/** struct endpoint of each of the targets (`targetBytes`, one behind the other), in one text; `handles`: of each, else 0. */
export function endpointValues(targets: Bytes, family: IpFamily, handles: readonly number[] = []): string {
  const width = family === "IPv4" ? 8 : 20;
  const size = (targets.length / width) * endpointSize;
  if (size > endpointBytes.length) endpointBytes = Buffer.alloc(2 * size);
  endpointBytes.fill(0, 0, size);
  for (let n = 0, end = endpointSize; end <= size; n++, end += endpointSize) {
    // Behind the target is the handle; before that of IPv4 the zeros and ff ff of a mapped address.
    const start = end - 4 - width;
    putLatin1(endpointBytes, start, targets, n * width, width);
    if (family === "IPv4") endpointBytes.fill(0xff, start - 2, start);
    endpointBytes.writeUInt32LE(handles[n] ?? 0, end - 4);
  }
  return endpointBytes.toString("latin1", 0, size);
}

/** Maps whose elements are rendered as lists. */
export const lists = { endpoints: endpointSize } satisfies Lists;

/** Reads from struct service, slot, endpoint. */
export const read = {
  serviceId: (service: string): number => readU32(service, 0),
  set: (slot: string): number => readU32(slot, 0),
  handle: (endpoint: string): number => readU32(endpoint, 20),
  /** struct way_back; 0: it has ended. */
  usedAtNs: (way: string): bigint => Buffer.from(way.slice(24, 32), "latin1").readBigUInt64LE(),
  /** Address and port: what tells endpoints apart. */
  target: (endpoint: string): string => endpoint.slice(0, 18),
} as const;

/** struct settings */
export interface SettingsValue {
  readonly node: bigint;
  readonly everybody: boolean;
  readonly lastId: number;
  readonly lastHandle: number;
  readonly version: number;
  /** Of packets that the packet rules masquerade. */
  readonly mark: number;
}

export function settingsValue({ node, everybody, lastId, lastHandle, version, mark }: SettingsValue): string {
  return cookie(node) + [everybody ? 1 : 0, lastId, lastHandle, version, mark, 0].map(u32).join("");
}

export function readSettings(bytes: string): SettingsValue {
  const [scope = 0, lastId = 0, lastHandle = 0, version = 0, mark = 0] = [8, 12, 16, 20, 24].map((at) =>
    readU32(bytes, at),
  );
  const node = Buffer.from(bytes, "latin1").readBigUInt64LE();
  return { node, everybody: scope === 1, lastId, lastHandle, version, mark };
}

/** struct block; IPv4 blocks are blocks of mapped addresses. */
export function blockValue({ ip, prefix }: Cidr): string {
  const bits = ip.family === "IPv4" ? prefix + 96 : prefix;
  const mask = Array.from({ length: 16 }, (_, byte) => Math.min(8, Math.max(0, bits - byte * 8)));
  const bytes = address(formatIp(ip));
  const masks = mask.map((count) => (0xff00 >> count) & 0xff);
  const network = [...bytes].map((one, index) => one.charCodeAt(0) & (masks[index] ?? 0));
  return String.fromCharCode(...network, ...masks);
}

export const noBlock = "\0".repeat(32);

/** A network namespace's cookie as a key. */
export function cookie(value: bigint): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes.toString("latin1");
}

/** Sets of endpoints of the Service port with the id. */
export const clusterSet = (id: number): number => 2 * id;
export const localSet = (id: number): number => 2 * id + 1;
export const idOfSet = (set: number): number => set >>> 1;
