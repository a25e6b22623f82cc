/** Addresses for the Pods of a node, out of its podCIDRs (pure). */
import { addressCount, type Cidr, indexInCidr, nthAddress, parseCidr } from "../../net/cidr.ts";
import { formatIp, parseIp } from "../../net/ip.ts";

/** The network's own address and the bridge's come first, the broadcast address last. */
const reservedFirst = 2;
/** So many of an IPv6 range are used. */
const maxAddresses = 2 ** 16;

/** Of one Pod or of the bridge: an address in each range, e.g. ["10.244.0.5", "fd00:10:244::5"]. */
export type Addresses = readonly string[];

/**
 * Hands out addresses in turn, so that one that was given back rests as long as there are others. A Pod has the same place in every
 * range: whoever has its IPv4 address has its IPv6 address too.
 */
export class IpAllocator {
  readonly #cidrs: readonly Cidr[];
  readonly #end: number;
  readonly #taken = new Set<number>();
  #next = reservedFirst;

  constructor(cidrs: readonly string[]) {
    this.#cidrs = cidrs.map(parseRange);
    if (this.#cidrs.length === 0) throw new RangeError("A node needs a range for its Pods, such as 10.244.0.0/24");
    this.#end = Math.min(...this.#cidrs.map((cidr) => Number(addressCount(cidr))), maxAddresses) - 1;
  }

  /** The bridge's addresses. */
  get gateways(): Addresses {
    return this.#addresses(1);
  }

  /** The addresses with their prefix lengths, e.g. "10.244.0.1/24". */
  withPrefix(addresses: Addresses): string[] {
    return addresses.map((address, index) => `${address}/${this.#cidrs[index]?.prefix}`);
  }

  /** Addresses that are in use already, of a Pod that was found. */
  take(addresses: Addresses): void {
    const place = this.#placeOf(addresses);
    if (place === undefined) return;
    this.#taken.add(place);
    if (place >= reservedFirst && place < this.#end) this.#next = Math.max(this.#next, place + 1);
  }

  /** Undefined when all are in use. */
  allocate(): Addresses | undefined {
    for (let tries = reservedFirst; tries < this.#end; tries++) {
      if (this.#next >= this.#end) this.#next = reservedFirst;
      const place = this.#next++;
      if (this.#taken.has(place)) continue;
      this.#taken.add(place);
      return this.#addresses(place);
    }
    return undefined;
  }

  release(addresses: Addresses): void {
    const place = this.#placeOf(addresses);
    if (place !== undefined) this.#taken.delete(place);
  }

  #placeOf([address = ""]: Addresses): number | undefined {
    const [cidr, ip] = [this.#cidrs[0], parseIp(address)];
    const place = cidr && ip && indexInCidr(cidr, ip);
    return place === undefined ? undefined : Number(place);
  }

  #addresses(place: number): Addresses {
    return this.#cidrs.map((cidr) => {
      const ip = nthAddress(cidr, place);
      if (!ip) throw new RangeError(`There is no address ${place} in the Pods' range`);
      return formatIp(ip);
    });
  }
}

function parseRange(text: string): Cidr {
  const cidr = parseCidr(text);
  if (cidr && addressCount(cidr) >= 4n) return cidr;
  throw new RangeError(`Cannot use "${text}" for Pods: must be a range of at least 4 addresses, such as 10.244.0.0/24`);
}
