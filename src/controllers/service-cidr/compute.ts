/** Which Services keep a range of addresses from being removed (pure). */
import type { Service, ServiceCIDR } from "../../api/object.ts";
import { cidrContains, parseCidr } from "../../net/cidr.ts";
import { parseIp } from "../../net/ip.ts";

const holds = ({ spec }: ServiceCIDR, address: string): boolean =>
  (spec?.cidrs ?? []).some((text) => {
    const [cidr, ip] = [parseCidr(text), parseIp(address)];
    return cidr !== undefined && ip !== undefined && cidrContains(cidr, ip);
  });

/** True when a Service has an address that no range but this one holds (ranges that are going do not count). */
export function isInUse(range: ServiceCIDR, ranges: Iterable<ServiceCIDR>, services: Iterable<Service>): boolean {
  const others = [...ranges].filter(
    ({ metadata }) => metadata.name !== range.metadata.name && !metadata.deletionTimestamp,
  );
  for (const { spec } of services) {
    for (const address of spec.clusterIPs ?? []) {
      if (holds(range, address) && !others.some((other) => holds(other, address))) return true;
    }
  }
  return false;
}
