/** Spans of addresses with inclusive ends. Example: "192.0.2.10-192.0.2.20". */
import { type Cidr, firstAddress, lastAddress, parseCidr } from "./cidr.ts";
import { bitsOf, compareIps, formatIp, type Ip, parseIp } from "./ip.ts";

export interface IpRange {
  readonly first: Ip;
  /** Inclusive; of the same family, not before `first`. */
  readonly last: Ip;
}

/** Reads "first-last" (blanks around the dash allowed), a CIDR, or one address. Undefined for any other text. */
export function parseIpRange(text: string): IpRange | undefined {
  const dash = text.indexOf("-");
  if (dash >= 0) {
    const first = parseIp(text.slice(0, dash).trim());
    const last = parseIp(text.slice(dash + 1).trim());
    return first && last && first.family === last.family && compareIps(first, last) <= 0 ? { first, last } : undefined;
  }
  const cidr = parseCidr(text.trim());
  if (cidr) return rangeOfCidr(cidr);
  const ip = parseIp(text.trim());
  return ip && { first: ip, last: ip };
}

export function rangeOfCidr(cidr: Cidr): IpRange {
  return { first: firstAddress(cidr), last: lastAddress(cidr) };
}

export function formatIpRange({ first, last }: IpRange): string {
  return first.value === last.value ? formatIp(first) : `${formatIp(first)}-${formatIp(last)}`;
}

export function rangeContains({ first, last }: IpRange, ip: Ip): boolean {
  return ip.family === first.family && ip.value >= first.value && ip.value <= last.value;
}

export function rangesOverlap(a: IpRange, b: IpRange): boolean {
  return a.first.family === b.first.family && a.first.value <= b.last.value && b.first.value <= a.last.value;
}

/** Number of addresses. */
export function rangeSize({ first, last }: IpRange): bigint {
  return last.value - first.value + 1n;
}

/** The n-th address, `first` being 0; undefined outside the range. */
export function nthInRange(range: IpRange, n: bigint | number): Ip | undefined {
  const offset = BigInt(n);
  if (offset < 0n || offset >= rangeSize(range)) return undefined;
  return { family: range.first.family, value: range.first.value + offset };
}

/** The fewest CIDRs that cover the range exactly, in order. */
export function cidrsOfRange({ first, last }: IpRange): Cidr[] {
  const bits = bitsOf(first.family);
  const cidrs: Cidr[] = [];
  for (let start = first.value; start <= last.value; ) {
    let host = 0;
    while (host < bits && !((start >> BigInt(host)) & 1n) && start + (2n << BigInt(host)) - 1n <= last.value) host++;
    cidrs.push({ ip: { family: first.family, value: start }, prefix: bits - host });
    start += 1n << BigInt(host);
  }
  return cidrs;
}
