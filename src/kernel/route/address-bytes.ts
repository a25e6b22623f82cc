/** Addresses as text and as the bytes that rtnetlink carries. */
import { formatIp, ipFromBytes, ipToBytes, parseIp } from "../../net/ip.ts";
import { AF_INET, AF_INET6 } from "../ffi.ts";

export interface Prefix {
  readonly family: typeof AF_INET | typeof AF_INET6;
  readonly address: Uint8Array;
  readonly length: number;
}

/** "10.0.0.1" or "fd00::1" → 4 or 16 bytes in network order. */
export function parseAddress(text: string): Uint8Array {
  const ip = parseIp(text);
  if (!ip) throw new RangeError(`Cannot use "${text}" as an IP address`);
  return ipToBytes(ip);
}

export function formatAddress(bytes: Uint8Array): string {
  return formatIp(ipFromBytes(bytes));
}

/** "10.0.0.1/8" keeps the host's bits; without "/", the whole address. */
export function parsePrefix(text: string): Prefix {
  const [host = "", lengthText] = text.split("/");
  const address = parseAddress(host);
  const bits = address.length * 8;
  const length = lengthText === undefined ? bits : Number(lengthText);
  if (!Number.isInteger(length) || length < 0 || length > bits || lengthText === "") {
    throw new RangeError(`Cannot use "${text}" as an address with a prefix length`);
  }
  return { family: address.length === 4 ? AF_INET : AF_INET6, address, length };
}

/** "02:00:0a:f4:00:05" → 6 bytes. */
export function parseMac(text: string): Buffer {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)) throw new RangeError(`Cannot use "${text}" as a MAC address`);
  return Buffer.from(text.replaceAll(":", ""), "hex");
}

export function formatMac(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}
