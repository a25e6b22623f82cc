/** Takes a Service's cluster IPs from the space of addresses. */
import { internal, invalid } from "../../api/field-error.ts";
import type { FieldError } from "../../api/kind.ts";
import type { Service } from "../../api/object.ts";
import { canonicalIp, type IpFamily } from "../../net/ip.ts";
import type { AddressSpace } from "./address-space.ts";
import { isHeadless, needsClusterIp } from "./families.ts";

/** The addresses that a Service holds, in canonical form. */
export function addressesOf(service: Service | undefined): string[] {
  if (!service || !needsClusterIp(service) || isHeadless(service)) return [];
  const addresses = service.spec.clusterIPs ?? (service.spec.clusterIP ? [service.spec.clusterIP] : []);
  return addresses.flatMap((address) => canonicalIp(address) ?? []);
}

/** `shown`: the Service's list, as it stands. */
function reserve(address: string, shown: readonly string[], space: AddressSpace): FieldError | undefined {
  const reservation = space.reserve(address);
  if (reservation.ok) return undefined;
  return invalid("spec.clusterIPs", shown, `failed to allocate IP ${address}: ${reservation.reason}`);
}

/**
 * Fills clusterIPs for the decided ipFamilies, in place; what is taken is written to `taken`.
 * Addresses that are none are left to validation.
 */
export function allocateClusterIps(
  service: Service,
  old: Service | undefined,
  { space, taken }: { space: AddressSpace; taken: string[] },
): FieldError[] {
  if (!needsClusterIp(service) || isHeadless(service)) return [];
  const { spec, metadata } = service;
  // What it has stays; that its headlessness stays too is for validation to say.
  const former = old && needsClusterIp(old) ? (old.spec.clusterIPs ?? []) : [];
  if (old && isHeadless(old) && needsClusterIp(old)) return [];
  const asked = spec.clusterIPs ?? [];
  if (asked.some((address) => address && !canonicalIp(address))) return [];
  const families = spec.ipFamilies ?? [];
  // One place for each family, which is empty where nothing is asked for.
  const shown = asked.length < families.length ? families.map((_, index) => asked[index] ?? "") : asked;
  const result: string[] = [];
  for (const [index, family] of families.entries()) {
    const address = asked[index];
    if (former[index]) {
      result.push(address || former[index]);
      continue;
    }
    const chosen = address || space.take(family as IpFamily);
    if (!chosen) {
      const detail = `failed to allocate a serviceIP for Service ${JSON.stringify(metadata.name)}: range is full`;
      return [internal("spec.clusterIPs", detail)];
    }
    const canonical = canonicalIp(chosen) ?? chosen;
    const fault = address ? reserve(canonical, shown, space) : undefined;
    if (fault) return [fault];
    taken.push(canonical);
    result.push(chosen);
  }
  spec.clusterIPs = result.length >= asked.length ? result : asked;
  if (spec.clusterIPs[0] !== undefined) spec.clusterIP ||= spec.clusterIPs[0];
  return [];
}
