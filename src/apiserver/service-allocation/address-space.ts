/**
 * Which cluster IPs are free: the ranges of all ServiceCIDRs, the addresses that Services hold, and those that have an IPAddress,
 * whoever made it. Kept up to date by its owner; decides nothing by itself.
 */
import { type Cidr, parseCidr } from "../../net/cidr.ts";
import { formatIp, type Ip, type IpFamily, parseIp } from "../../net/ip.ts";
import { type AddressRange, addressRange, findFree, inRange } from "./address-range.ts";

export type Reservation = { readonly ok: true } | { readonly ok: false; readonly reason: string };

interface Ranges {
  readonly ranges: readonly AddressRange[];
  readonly ready: boolean;
}

/** Addresses of one family, as numbers. */
type Known = Readonly<Record<IpFamily, Set<bigint>>>;
const none = (): Known => ({ IPv4: new Set(), IPv6: new Set() });

export class AddressSpace {
  /** The families that the cluster is configured for, the primary one first. */
  readonly families: readonly IpFamily[];
  readonly #random: () => number;
  readonly #ranges = new Map<string, Ranges>();
  readonly #held = none();
  readonly #recorded = none();

  constructor(families: readonly IpFamily[], random: () => number = Math.random) {
    this.families = families;
    this.#random = random;
  }

  /** The ranges of a ServiceCIDR; addresses are taken from it only while it is ready. */
  setRanges(name: string, cidrs: readonly string[], ready: boolean): void {
    const ranges = cidrs.flatMap((text) => parseCidr(text) ?? []).map((cidr: Cidr) => addressRange(cidr));
    this.#ranges.set(name, { ranges, ready });
  }

  removeRanges(name: string): void {
    this.#ranges.delete(name);
  }

  /** An IPAddress of this name is stored (or is stored no more). */
  record(address: string, stored: boolean): void {
    const ip = parseIp(address);
    if (!ip) return;
    if (stored) this.#recorded[ip.family].add(ip.value);
    else this.#recorded[ip.family].delete(ip.value);
  }

  isHeld(address: string): boolean {
    const ip = parseIp(address);
    return ip !== undefined && this.#held[ip.family].has(ip.value);
  }

  /** True if some ServiceCIDR, ready or not, has the address. */
  contains(address: string): boolean {
    const ip = parseIp(address);
    return ip !== undefined && this.#rangesOf(ip, false).length > 0;
  }

  reserve(address: string): Reservation {
    const ip = parseIp(address);
    const usable = ip && this.#rangesOf(ip, true).some(({ first, last }) => ip.value >= first && ip.value <= last);
    if (!usable) return { ok: false, reason: "the provided network does not match the current range" };
    if (this.#isTaken(ip)) return { ok: false, reason: "provided IP is already allocated" };
    this.#held[ip.family].add(ip.value);
    return { ok: true };
  }

  /** Undefined: all ready ranges of the family are full. */
  take(family: IpFamily): string | undefined {
    const isTaken = (value: bigint): boolean => this.#isTaken({ family, value });
    for (const { ranges, ready } of this.#ranges.values()) {
      for (const range of ready ? ranges : []) {
        const value = range.family === family ? findFree(range, isTaken, this.#random) : undefined;
        if (value === undefined) continue;
        this.#held[family].add(value);
        return formatIp({ family, value });
      }
    }
    return undefined;
  }

  /** A stored Service has it, whatever the ranges say. */
  adopt(address: string): void {
    const ip = parseIp(address);
    if (ip) this.#held[ip.family].add(ip.value);
  }

  release(address: string): void {
    const ip = parseIp(address);
    if (ip) this.#held[ip.family].delete(ip.value);
  }

  #isTaken({ family, value }: Ip): boolean {
    return this.#held[family].has(value) || this.#recorded[family].has(value);
  }

  #rangesOf(ip: Ip, mustBeReady: boolean): AddressRange[] {
    return [...this.#ranges.values()]
      .filter(({ ready }) => ready || !mustBeReady)
      .flatMap(({ ranges }) => ranges.filter((range) => inRange(range, ip)));
  }
}
