/** Takes a Service's cluster IPs from the pools. */
import { internal, invalid } from "../../api/field-error.ts";
import type { FieldError } from "../../api/kind.ts";
import type { Service } from "../../api/object.ts";
import { canonicalIp, familyOf } from "../../net/ip.ts";
import type { AddressPool } from "./address-pool.ts";
import { isHeadless, needsClusterIp } from "./families.ts";

/** The addresses that a Service holds, in canonical form. */
export function addressesOf(service: Service | undefined): string[] {
  if (!service || !needsClusterIp(service) || isHeadless(service)) return [];
  const addresses = service.spec.clusterIPs ?? (service.spec.clusterIP ? [service.spec.clusterIP] : []);
  return addresses.map((address) => canonicalIp(address) ?? address);
}

export const poolOf = (pools: readonly AddressPool[], family: string | undefined): AddressPool | undefined =>
  pools.find((pool) => pool.family === family);

function reserve(address: string, asked: readonly string[], pool: AddressPool): FieldError | undefined {
  const reservation = pool.reserve(canonicalIp(address) ?? address);
  if (reservation.ok) return undefined;
  return invalid("spec.clusterIPs", asked, `failed to allocate IP ${address}: ${reservation.reason}`);
}

/**
 * Fills clusterIPs for the decided ipFamilies, in place; what is taken is written to `taken`.
 * Addresses that are none are left to validation.
 */
export function allocateClusterIps(
  service: Service,
  old: Service | undefined,
  { pools, taken }: { pools: readonly AddressPool[]; taken: string[] },
): FieldError[] {
  if (!needsClusterIp(service) || isHeadless(service)) return [];
  const { spec } = service;
  const held = new Set(addressesOf(old));
  const asked = spec.clusterIPs ?? [];
  if (asked.some((address) => address && !canonicalIp(address))) return [];
  const result: string[] = [];
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    const address = asked[index];
    const pool = poolOf(pools, address ? familyOf(address) : family) ?? poolOf(pools, family);
    if (!pool) continue;
    const chosen = address || pool.take();
    if (!chosen) return [internal("spec.clusterIPs", "failed to allocate a serviceIP: range is full")];
    const canonical = canonicalIp(chosen) ?? chosen;
    const fault = address && !held.has(canonical) ? reserve(address, asked, pool) : undefined;
    if (fault) return [fault];
    if (!held.has(canonical)) taken.push(canonical);
    result.push(chosen);
  }
  spec.clusterIPs = result.length >= asked.length ? result : asked;
  if (spec.clusterIPs[0] !== undefined) spec.clusterIP ||= spec.clusterIPs[0];
  return [];
}
