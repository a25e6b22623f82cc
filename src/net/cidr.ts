/** Blocks of addresses. Example: `parseCidr("10.96.0.0/16")` is `{ ip: { family: "IPv4", value: … }, prefix: 16 }`. */
import { bitsOf, compareIps, formatIp, type Ip, parseIp, parseIpSloppy } from "./ip.ts";

export interface Cidr {
  /** As written: host bits may be set; `networkOf` clears them. */
  readonly ip: Ip;
  readonly prefix: number;
}

/** Reads "address/prefix" in the strict form: no leading zeros anywhere. Host bits are kept. Undefined for any other text. */
export function parseCidr(text = ""): Cidr | undefined {
  return readCidr(text, parseIp, /^(0|[1-9]\d{0,2})$/);
}

/** Reads a CIDR as older Kubernetes API fields accept it (leading zeros; IPv4-mapped IPv6). Undefined for any other text. */
export function parseCidrSloppy(text = ""): Cidr | undefined {
  return readCidr(text, parseIpSloppy, /^\d{1,9}$/);
}

function readCidr(text: string, readIp: (text: string) => Ip | undefined, prefixForm: RegExp): Cidr | undefined {
  const slash = text.lastIndexOf("/");
  const prefixText = text.slice(slash + 1);
  if (slash < 0 || !prefixForm.test(prefixText)) return undefined;
  const ip = readIp(text.slice(0, slash));
  if (!ip) return undefined;
  // "::ffff:10.0.0.0/104" was read as IPv4: its prefix counts from the start of the IPv6 form.
  const mapped = ip.family === "IPv4" && text.includes(":");
  const prefix = Number(prefixText) - (mapped ? 96 : 0);
  return prefix < 0 || prefix > bitsOf(ip.family) ? undefined : { ip, prefix };
}

/** The one-address block of an address. */
export function hostCidr(ip: Ip): Cidr {
  return { ip, prefix: bitsOf(ip.family) };
}

/** Canonical text of the block as it is, host bits included. */
export function formatCidr({ ip, prefix }: Cidr): string {
  return `${formatIp(ip)}/${prefix}`;
}

function hostBits({ ip, prefix }: Cidr): bigint {
  return BigInt(bitsOf(ip.family) - prefix);
}

/** The same block with its host bits cleared. */
export function networkOf(cidr: Cidr): Cidr {
  const host = hostBits(cidr);
  return { ip: { family: cidr.ip.family, value: (cidr.ip.value >> host) << host }, prefix: cidr.prefix };
}

/** True if bits beyond the prefix are set. */
export function hasHostBits(cidr: Cidr): boolean {
  return networkOf(cidr).ip.value !== cidr.ip.value;
}

/** The first address (the network address). */
export function firstAddress(cidr: Cidr): Ip {
  return networkOf(cidr).ip;
}

/** The last address (the broadcast address of an IPv4 network). */
export function lastAddress(cidr: Cidr): Ip {
  return { family: cidr.ip.family, value: firstAddress(cidr).value + addressCount(cidr) - 1n };
}

/** Number of addresses in the block, network and broadcast included. */
export function addressCount(cidr: Cidr): bigint {
  return 1n << hostBits(cidr);
}

/** The n-th address of the block, the network address being 0; undefined outside the block. */
export function nthAddress(cidr: Cidr, n: bigint | number): Ip | undefined {
  const offset = BigInt(n);
  if (offset < 0n || offset >= addressCount(cidr)) return undefined;
  return { family: cidr.ip.family, value: firstAddress(cidr).value + offset };
}

/** Where an address stands in the block, the network address being 0; undefined outside the block. */
export function indexInCidr(cidr: Cidr, ip: Ip): bigint | undefined {
  return cidrContains(cidr, ip) ? ip.value - firstAddress(cidr).value : undefined;
}

export function cidrContains(cidr: Cidr, ip: Ip): boolean {
  return ip.family === cidr.ip.family && (ip.value ^ cidr.ip.value) >> hostBits(cidr) === 0n;
}

/** True if every address of `inner` is in `outer`. */
export function cidrContainsCidr(outer: Cidr, inner: Cidr): boolean {
  return inner.prefix >= outer.prefix && cidrContains(outer, inner.ip);
}

export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return cidrContainsCidr(a, b) || cidrContainsCidr(b, a);
}

/** Total order: by first address, then larger blocks first. */
export function compareCidrs(a: Cidr, b: Cidr): number {
  return compareIps(firstAddress(a), firstAddress(b)) || a.prefix - b.prefix;
}

/** Every address of the block in order, network and broadcast included. Lazy: a block may hold 2^128. */
export function* addressesOf(cidr: Cidr): Generator<Ip> {
  const { family, value } = firstAddress(cidr);
  const count = addressCount(cidr);
  for (let offset = 0n; offset < count; offset++) yield { family, value: value + offset };
}

/** The blocks of length `prefix` inside a block, in order (nodes' Pod ranges). RangeError if the block is smaller. */
export function* subnetsOf(cidr: Cidr, prefix: number): Generator<Cidr> {
  const bits = bitsOf(cidr.ip.family);
  if (prefix < cidr.prefix || prefix > bits) {
    throw new RangeError(`Cannot split ${formatCidr(cidr)} into /${prefix}, must be /${cidr.prefix} to /${bits}`);
  }
  const step = 1n << BigInt(bits - prefix);
  const count = 1n << BigInt(prefix - cidr.prefix);
  const { family, value } = firstAddress(cidr);
  for (let index = 0n; index < count; index++) yield { ip: { family, value: value + index * step }, prefix };
}
