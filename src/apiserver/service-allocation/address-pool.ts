/** Cluster IPs of one Service range. */
import { addressCount, type Cidr, formatCidr, indexInCidr, networkOf, nthAddress } from "../../net/cidr.ts";
import { canonicalIp, formatIp, type IpFamily, parseIp } from "../../net/ip.ts";
import { createNumberPool, staticBandSize } from "./number-pool.ts";

export type Reservation = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export interface AddressPool {
  readonly family: IpFamily;
  reserve(address: string): Reservation;
  /** Undefined: the range is full. */
  take(): string | undefined;
  release(address: string): void;
}

/** The largest pool that is counted with plain numbers; a wider IPv6 range is used up to here. */
const maxAddresses = 2 ** 32;

/** All addresses of `cidr` but the first and, for IPv4, the last (network and broadcast address). */
export function createAddressPool(cidr: Cidr, random?: () => number): AddressPool {
  const network = networkOf(cidr);
  const total = Math.min(Number(addressCount(network)), maxAddresses);
  const size = Math.max(0, total - (network.ip.family === "IPv4" ? 2 : 1));
  const band = Math.max(0, staticBandSize(total, { min: 16, max: 256, step: 16 }) - 1);
  const pool = createNumberPool(size, { band, ...(random ? { random } : {}) });
  const indexOf = (address: string): number => {
    const ip = parseIp(address);
    const index = ip && indexInCidr(network, ip);
    return index === undefined ? -1 : Number(index) - 1;
  };
  return {
    family: network.ip.family,
    reserve(address) {
      const index = indexOf(address);
      if (index < 0 || index >= size) {
        const range = formatCidr(network);
        return {
          ok: false,
          reason: `the provided IP (${canonicalIp(address) ?? address}) is not in the valid range. The range of valid IPs is ${range}`,
        };
      }
      return pool.reserve(index) ? { ok: true } : { ok: false, reason: "provided IP is already allocated" };
    },
    take() {
      const index = pool.take();
      const ip = index === undefined ? undefined : nthAddress(network, index + 1);
      return ip && formatIp(ip);
    },
    release(address) {
      pool.release(indexOf(address));
    },
  };
}
