/** Addresses for the Pods of a node, out of its podCIDR (pure). */
import { addressCount, nthAddress, parseCidr } from "../../net/cidr.ts";
import { formatIp } from "../../net/ip.ts";

/** The network's own address and the bridge's come first, the broadcast address last. */
const reservedFirst = 2;

/** Hands out addresses in turn, so that one that was given back rests as long as there are others. */
export class IpAllocator {
  readonly #cidr: NonNullable<ReturnType<typeof parseCidr>>;
  readonly #end: number;
  readonly #taken = new Set<string>();
  #next = reservedFirst;

  constructor(cidr: string) {
    const parsed = parseCidr(cidr);
    const count = parsed && addressCount(parsed);
    if (parsed?.ip.family !== "IPv4" || !count || count < 4n) {
      throw new RangeError(
        `Cannot use "${cidr}" for Pods: must be an IPv4 range of at least 4 addresses, such as 10.244.0.0/24`,
      );
    }
    this.#cidr = parsed;
    this.#end = Number(count) - 1;
  }

  /** The bridge's address with its prefix length, e.g. "10.244.0.1/24". */
  get gatewayCidr(): string {
    return `${this.gateway}/${this.#cidr.prefix}`;
  }

  get gateway(): string {
    return this.#address(1);
  }

  get prefixLength(): number {
    return this.#cidr.prefix;
  }

  /** An address that is in use already, of a Pod that was found. */
  take(address: string): void {
    this.#taken.add(address);
    for (let n = reservedFirst; n < this.#end; n++) {
      if (this.#address(n) === address) this.#next = Math.max(this.#next, n + 1);
    }
  }

  /** Undefined when all are in use. */
  allocate(): string | undefined {
    for (let tries = reservedFirst; tries < this.#end; tries++) {
      if (this.#next >= this.#end) this.#next = reservedFirst;
      const address = this.#address(this.#next++);
      if (this.#taken.has(address)) continue;
      this.#taken.add(address);
      return address;
    }
    return undefined;
  }

  release(address: string): void {
    this.#taken.delete(address);
  }

  #address(n: number): string {
    const ip = nthAddress(this.#cidr, n);
    if (!ip) throw new RangeError(`There is no address ${n} in the Pods' range`);
    return formatIp(ip);
  }
}
