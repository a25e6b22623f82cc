/** The usable addresses of one Service range, and the order in which they are tried (pure). Source: KEP-3070, KEP-1880. */
import { addressCount, type Cidr, cidrContains, networkOf } from "../../net/cidr.ts";
import type { Ip, IpFamily } from "../../net/ip.ts";
import { staticBandSize } from "./number-pool.ts";

export interface AddressRange {
  readonly cidr: Cidr;
  readonly family: IpFamily;
  /** All but the network's address and, for IPv4, the broadcast address (service-api S90). */
  readonly first: bigint;
  readonly last: bigint;
  /** Addresses from here on are given to Services that ask for none; those before when the others are used up (S91). */
  readonly dynamic: bigint;
}

export function addressRange(cidr: Cidr): AddressRange {
  const network = networkOf(cidr);
  const { family, value } = network.ip;
  const total = addressCount(network);
  const first = value + 1n;
  const last = value + total - (family === "IPv4" ? 2n : 1n);
  const band = staticBandSize(Number(total), { min: 16, max: 256, step: 16 });
  return { cidr: network, family, first, last, dynamic: first + BigInt(band) };
}

export function inRange({ cidr }: AddressRange, ip: Ip): boolean {
  return cidrContains(cidr, ip);
}

/** The first address that is not taken: from a random place of the upper band round, then from one of the lower band. */
export function findFree(
  { first, last, dynamic }: AddressRange,
  isTaken: (value: bigint) => boolean,
  random: () => number,
): bigint | undefined {
  return scan(dynamic, last, { isTaken, random }) ?? scan(first, dynamic - 1n, { isTaken, random });
}

/** Of numbers that double precision can tell apart; a larger range has places that are never the first to be tried. */
const precision = 53n;

function scan(
  from: bigint,
  to: bigint,
  { isTaken, random }: { isTaken: (value: bigint) => boolean; random: () => number },
): bigint | undefined {
  if (to < from) return undefined;
  const start = from + (((to - from + 1n) * BigInt(Math.floor(random() * 2 ** Number(precision)))) >> precision);
  for (let value = start; value <= to; value++) if (!isTaken(value)) return value;
  for (let value = from; value < start; value++) if (!isTaken(value)) return value;
  return undefined;
}
