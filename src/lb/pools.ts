/** Which addresses a Service of type LoadBalancer gets (pure). */
import { formatIp, type IpFamily, parseIp } from "../net/ip.ts";
import {
  formatIpRange,
  type IpRange,
  nthInRange,
  parseIpRange,
  rangeContains,
  rangeSize,
  rangesOverlap,
} from "../net/ip-range.ts";

/** Reads "172.18.255.200-172.18.255.250, 2001:db8::/120": ranges, CIDRs or addresses of both families. Throws a SyntaxError. */
export function parsePools(text: string): readonly IpRange[] {
  const ranges: IpRange[] = [];
  for (const part of text.split(",")) {
    const range = parseIpRange(part);
    if (!range) {
      const form = 'must be addresses like "192.0.2.10-192.0.2.20" or "192.0.2.0/24"';
      throw new SyntaxError(`Cannot use the load balancer pool "${part.trim()}": ${form}`);
    }
    const other = ranges.find((earlier) => rangesOverlap(earlier, range));
    if (other) {
      throw new SyntaxError(`Cannot use the load balancer pool "${part.trim()}": it overlaps ${formatIpRange(other)}`);
    }
    ranges.push(range);
  }
  return ranges;
}

/** What a Service asks for. */
export interface Demand {
  /** "namespace/name". */
  readonly service: string;
  /** Families that must each have an address. */
  readonly required: readonly IpFamily[];
  /** Families that get an address if there is one (PreferDualStack). */
  readonly optional: readonly IpFamily[];
  /** `spec.loadBalancerIP`. */
  readonly requested: string | undefined;
  /** What it has now. */
  readonly held: readonly string[];
}

export interface Allocation {
  /** What it is to have: all that it asks for, or, with a problem, what it keeps. */
  readonly addresses: readonly string[];
  /** Why it does not get what it asks for; the text of the Event. */
  readonly problem: string | undefined;
}

interface Room {
  readonly pools: readonly IpRange[];
  /** Address → the Service that has it. */
  readonly holders: ReadonlyMap<string, string>;
}

/**
 * Stable: an address that is held and still in a pool is kept, and nobody ever gets another Service's address.
 * A request that cannot be fulfilled leaves the Service what it has.
 */
export function allocate(room: Room, demand: Demand): Allocation {
  const own = demand.held.filter((address) => isUsable(room, address, demand.service));
  const request = demand.requested ? checkRequest(room, demand, demand.requested) : undefined;
  if (request && !request.ok) return { addresses: own, problem: request.reason };
  const addresses: string[] = [];
  for (const family of [...demand.required, ...demand.optional]) {
    const address = (request?.family === family ? request.address : undefined) ?? choose(room, family, own);
    if (address) addresses.push(address);
    else if (demand.required.includes(family)) return { addresses: own, problem: exhausted(room.pools, family) };
  }
  if (addresses.length > 0) return { addresses, problem: undefined };
  return { addresses: own, problem: demand.optional.map((family) => exhausted(room.pools, family)).join("; ") };
}

function choose(room: Room, family: IpFamily, own: readonly string[]): string | undefined {
  return own.find((address) => parseIp(address)?.family === family) ?? firstFree(room, family);
}

/** The lowest free address of the first pool that has one. */
function firstFree({ pools, holders }: Room, family: IpFamily): string | undefined {
  for (const pool of pools.filter(({ first }) => first.family === family)) {
    // One of the first holders.size + 1 addresses is free, if the pool is as large as that.
    for (let i = 0; i <= holders.size; i++) {
      const ip = nthInRange(pool, i);
      if (!ip) break;
      if (!holders.has(formatIp(ip))) return formatIp(ip);
    }
  }
  return undefined;
}

function isUsable({ pools, holders }: Room, address: string, service: string): boolean {
  const ip = parseIp(address);
  if (!ip || !pools.some((pool) => rangeContains(pool, ip))) return false;
  return (holders.get(formatIp(ip)) ?? service) === service;
}

type Request = { ok: true; address: string; family: IpFamily } | { ok: false; reason: string; family?: undefined };

function checkRequest({ pools, holders }: Room, demand: Demand, text: string): Request {
  const ip = parseIp(text);
  const refuse = (reason: string): Request => ({ ok: false, reason: `Cannot assign "${text}": ${reason}` });
  if (!ip) return refuse("it is not an IP address");
  if (![...demand.required, ...demand.optional].includes(ip.family)) {
    return refuse(`the Service has no ${ip.family} address family`);
  }
  if (!pools.some((pool) => rangeContains(pool, ip))) {
    return refuse(`it is in no pool, must be in ${pools.map(formatIpRange).join(", ")}`);
  }
  const address = formatIp(ip);
  const holder = holders.get(address);
  if (holder !== undefined && holder !== demand.service) return refuse(`Service "${holder}" has it`);
  return { ok: true, address, family: ip.family };
}

function exhausted(pools: readonly IpRange[], family: IpFamily): string {
  const own = pools.filter(({ first }) => first.family === family);
  if (own.length === 0) return `No pool has ${family} addresses`;
  const size = own.reduce((sum, pool) => sum + rangeSize(pool), 0n);
  return `All ${size} ${family} addresses of ${own.map(formatIpRange).join(", ")} are assigned`;
}
