/** Values → bytes as rules and sets hold them. A field takes a multiple of 4 bytes; numbers of the kernel's own are in host order. */
import type { Cidr } from "../../net/cidr.ts";
import { bitsOf, type IpFamily, ipToBytes, parseIp } from "../../net/ip.ts";
import type { Bytes } from "./port.ts";

/** IANA protocol numbers. */
export const protocolNumbers = { ICMP: 1, TCP: 6, UDP: 17, ICMPv6: 58, SCTP: 132 } as const;

export function u32(value: number): Bytes {
  return String.fromCharCode(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24);
}

export function readU32(bytes: Bytes, offset = 0): number {
  const at = (n: number) => bytes.charCodeAt(offset + n);
  return ((at(3) << 24) | (at(2) << 16) | (at(1) << 8) | at(0)) >>> 0;
}

/** Of a key of 4 bytes and a number: the one whose number is so many places higher. */
export const keyBehind = (key: Bytes, places: number): Bytes =>
  places === 0 ? key : key.slice(0, 4) + u32(readU32(key, 4) + places);

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
  writeIpv4(text, 0);
  return String.fromCharCode(...scratch.subarray(0, 4));
}

/** The next call overwrites it. */
let scratch = Buffer.alloc(256);

/** Written out, as what calls it: it runs for each of 100,000 endpoints. */
function writeIpv4(text: string, start: number): void {
  let at = start;
  let byte = 0;
  for (let index = 0; index < text.length; index++) {
    const digit = text.charCodeAt(index) - 48;
    if (digit >= 0) byte = byte * 10 + digit;
    else {
      scratch[at++] = byte;
      byte = 0;
    }
  }
  scratch[at] = byte;
}

/** address . port, as DNAT takes them. */
export function targetBytes({ ip, port }: { readonly ip: string; readonly port: number }): Bytes {
  return addressBytes(ip) + portBytes(port);
}

/** targetBytes of each, in one text. */
export function targetListBytes(targets: readonly { readonly ip: string; readonly port: number }[]): Bytes {
  let at = 0;
  for (const { ip, port } of targets) {
    if (at + 20 > scratch.length) scratch = Buffer.concat([scratch, Buffer.alloc(scratch.length)]);
    if (ip.includes(":")) at += scratch.write(addressBytes(ip), at, "latin1");
    else {
      writeIpv4(ip, at);
      at += 4;
    }
    scratch.writeUInt32BE(port * 0x10000, at);
    at += 4;
  }
  return scratch.toString("latin1", 0, at);
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
