/** IP addresses as values. Example: `parseIp("10.0.0.1")` is `{ family: "IPv4", value: 167772161n }`. */

/** The two families, spelled as `spec.ipFamilies` spells them. */
export type IpFamily = "IPv4" | "IPv6";

export interface Ip {
  readonly family: IpFamily;
  /** The address as an unsigned number of 32 or 128 bits. */
  readonly value: bigint;
}

/** Number of bits in an address of the family. */
export function bitsOf(family: IpFamily): 32 | 128 {
  return family === "IPv4" ? 32 : 128;
}

/**
 * Reads an address in the strict form: no leading zeros in IPv4 bytes, no zone, no blanks.
 * Undefined for any other text. "::ffff:1.2.3.4" is an IPv6 address here.
 */
export function parseIp(text = ""): Ip | undefined {
  const value = text.includes(":") ? parseIpv6(text, false) : parseIpv4(text, false);
  return value === undefined ? undefined : { family: text.includes(":") ? "IPv6" : "IPv4", value };
}

/**
 * Reads an address as older Kubernetes API fields accept it: leading zeros are decimal, and an IPv4-mapped IPv6 text is its
 * IPv4 address. Undefined for any other text.
 */
export function parseIpSloppy(text = ""): Ip | undefined {
  if (!text.includes(":")) {
    const value = parseIpv4(text, true);
    return value === undefined ? undefined : { family: "IPv4", value };
  }
  const value = parseIpv6(text, true);
  if (value === undefined) return undefined;
  return isMapped(value) ? { family: "IPv4", value: value & 0xffffffffn } : { family: "IPv6", value };
}

/** True for an address in ::ffff:0:0/96 (RFC 4291 section 2.5.5.2). */
export function isIpv4Mapped(ip: Ip): boolean {
  return ip.family === "IPv6" && isMapped(ip.value);
}

/** The canonical text: dotted IPv4, RFC 5952 for IPv6. */
export function formatIp(ip: Ip): string {
  return ip.family === "IPv4" ? formatIpv4(ip.value) : formatIpv6(ip.value);
}

/** Nearly all addresses are of this form, which needs no work. */
const plainIpv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/** The canonical form of an address text, or undefined if it is none (read as older API fields are read). */
export function canonicalIp(text: string): string | undefined {
  if (plainIpv4.test(text)) return text;
  const ip = parseIpSloppy(text);
  return ip && formatIp(ip);
}

/** The family of an address text, or undefined if it is none. */
export function familyOf(text: string): IpFamily | undefined {
  return plainIpv4.test(text) ? "IPv4" : parseIpSloppy(text)?.family;
}

/** Of a canonical text. */
export const isOfFamily = (canonical: string, family: IpFamily): boolean =>
  canonical.includes(":") === (family === "IPv6");

/** Total order: all IPv4 before all IPv6, then by number. */
export function compareIps(a: Ip, b: Ip): number {
  if (a.family !== b.family) return a.family === "IPv4" ? -1 : 1;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

/** The address `offset` further on; undefined beyond either end of the family. */
export function addToIp(ip: Ip, offset: bigint | number): Ip | undefined {
  const value = ip.value + BigInt(offset);
  return value < 0n || value >> BigInt(bitsOf(ip.family)) ? undefined : { family: ip.family, value };
}

/** Network-order bytes: 4 or 16. */
export function ipToBytes(ip: Ip): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(bitsOf(ip.family) / 8);
  let rest = ip.value;
  for (let index = bytes.length - 1; index >= 0; index--) {
    bytes[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

/** The address in 4 or 16 network-order bytes; RangeError for another length. */
export function ipFromBytes(bytes: Uint8Array): Ip {
  if (bytes.length !== 4 && bytes.length !== 16) {
    throw new RangeError(`Cannot read an IP address of ${bytes.length} bytes, must be 4 or 16`);
  }
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return { family: bytes.length === 4 ? "IPv4" : "IPv6", value };
}

function isMapped(value: bigint): boolean {
  return value >> 32n === 0xffffn;
}

function parseIpv4(text: string, leadingZeros: boolean): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^\d+$/.test(part) || part.length > (leadingZeros ? 16 : 3)) return undefined;
    if (!leadingZeros && part.length > 1 && part.startsWith("0")) return undefined;
    const byte = Number(part);
    if (byte > 255) return undefined;
    value = value * 256 + byte;
  }
  return BigInt(value);
}

function parseIpv6(text: string, leadingZeros: boolean): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] ?? "", halves.length === 1, leadingZeros);
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? "", true, leadingZeros) : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  let value = 0n;
  for (const group of [...head, ...Array<bigint>(missing).fill(0n), ...tail]) value = (value << 16n) | group;
  return value;
}

/** The 16-bit groups of one side of "::"; only the last side may end in dotted IPv4. */
function groupsOf(text: string, last: boolean, leadingZeros: boolean): bigint[] | undefined {
  if (text === "") return [];
  const groups: bigint[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(BigInt(`0x${part}`));
      continue;
    }
    const dotted = last && index === parts.length - 1 ? parseIpv4(part, leadingZeros) : undefined;
    if (dotted === undefined) return undefined;
    groups.push(dotted >> 16n, dotted & 0xffffn);
  }
  return groups;
}

function formatIpv4(value: bigint): string {
  const number = Number(value);
  return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;
}

/** RFC 5952 section 4: lower case, no leading zeros, the first longest run of two or more zero groups becomes "::". */
function formatIpv6(value: bigint): string {
  if (isMapped(value)) return `::ffff:${formatIpv4(value & 0xffffffffn)}`;
  const groups = Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(112 - 16 * index)) & 0xffffn));
  const { start, length } = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  }
  return best;
}
