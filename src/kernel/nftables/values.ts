/** Values → bytes as rules and sets hold them. A field takes a multiple of 4 bytes; numbers of the kernel's own are in host order. */
import type { Cidr } from "../../net/cidr.ts";
import { bitsOf, type IpFamily, ipToBytes, parseIp } from "../../net/ip.ts";
import type { Bytes, SetElement } from "./port.ts";

/** IANA protocol numbers. */
export const protocolNumbers = { ICMP: 1, TCP: 6, UDP: 17, ICMPv6: 58, SCTP: 132 } as const;

export function u32(value: number): Bytes {
  return String.fromCharCode(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24);
}

export function readU32(bytes: Bytes, offset = 0): number {
  const at = (n: number) => bytes.charCodeAt(offset + n);
  return ((at(3) << 24) | (at(2) << 16) | (at(1) << 8) | at(0)) >>> 0;
}

/** The bytes in pieces of one length. */
export const piecesOf = (bytes: Bytes, length: number): Bytes[] =>
  Array.from({ length: bytes.length / length }, (_, at) => bytes.slice(at * length, (at + 1) * length));

/** Of a key of 4 bytes and a number: the one whose number is so many places higher. */
export const keyBehind = (key: Bytes, places: number): Bytes =>
  places === 0 ? key : key.slice(0, 4) + u32(readU32(key, 4) + places);

/** The elements that one with several values stands for (`valueLength` of port.ts). */
export function elementsOf(element: SetElement, valueLength: number | undefined): readonly SetElement[] {
  if (!valueLength || element.value.length === valueLength) return [element];
  return piecesOf(element.value, valueLength).map((value, place) => ({ key: keyBehind(element.key, place), value }));
}

/** Network order, padded. */
export function portBytes(port: number): Bytes {
  return String.fromCharCode(port >> 8, port & 255, 0, 0);
}

export function protocolBytes(protocol: keyof typeof protocolNumbers): Bytes {
  return String.fromCharCode(protocolNumbers[protocol], 0, 0, 0);
}

/** Of a canonical address text. */
export function addressBytes(text: string): Bytes {
  if (!text.includes(":")) return ipv4Bytes(text);
  const ip = parseIp(text);
  if (!ip) throw new RangeError(`Cannot use "${text}": it is no IP address`);
  return String.fromCharCode(...ipToBytes(ip));
}

function ipv4Bytes(text: string): Bytes {
  const [a = 0, b = 0, c = 0, d = 0] = text.split(".").map(Number);
  return String.fromCharCode(a, b, c, d);
}

/** address . port, as DNAT takes them. */
export function targetBytes({ ip, port }: { readonly ip: string; readonly port: number }): Bytes {
  return addressBytes(ip) + portBytes(port);
}

let scratch = Buffer.alloc(1 << 12);

/** targetBytes of each of the packed addresses of 4 or 16 bytes, with one port, in one text. */
export function targetListBytes(addresses: Bytes, port: number, addressLength: number): Bytes {
  if (2 * addresses.length > scratch.length) scratch = Buffer.alloc(4 * addresses.length);
  let length = 0;
  for (let at = 0; at < addresses.length; ) {
    for (const end = at + addressLength; at < end; at++) scratch[length++] = addresses.charCodeAt(at);
    scratch[length++] = port >> 8;
    scratch[length++] = port & 255;
    scratch[length++] = 0;
    scratch[length++] = 0;
  }
  return scratch.toString("latin1", 0, length);
}

export function networkBytes({ ip }: Cidr): Bytes {
  return String.fromCharCode(...ipToBytes(ip));
}

/** e.g. ff ff ff 00 for a prefix of 24. */
export function maskBytes(prefix: number, family: IpFamily): Bytes {
  const bits = Array.from({ length: bitsOf(family) / 8 }, (_, byte) => Math.min(8, Math.max(0, prefix - byte * 8)));
  return String.fromCharCode(...bits.map((count) => (0xff00 >> count) & 0xff));
}

export const zeros = (length: number): Bytes => "\0".repeat(length);
