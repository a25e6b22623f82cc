/** Which virtual services are ours to delete. Pure. */
import type { ServiceKey } from "../../../kernel/ipvs/port.ts";
import { type Cidr, cidrContains } from "../../../net/cidr.ts";
import { parseIp } from "../../../net/ip.ts";
import type { Elements } from "../nftables/elements.ts";
import { isNearMark, portKey, vipKey } from "./near-marks.ts";

/** The rules of a former process name the virtual services that it made: all others are somebody else's. */
export function isNamedByRules(key: ServiceKey, rules: Elements, nodeAddresses: ReadonlySet<string>): boolean {
  if (key.kind === "mark") return isNearMark(key.mark);
  if (rules.get("roles")?.has(vipKey(key.address, key, key.port))) return true;
  return nodeAddresses.has(key.address) && (rules.get("port-roles")?.has(portKey(key, key.port)) ?? false);
}

export function isInside(key: ServiceKey, cidrs: readonly Cidr[]): boolean {
  const ip = key.kind === "address" && cidrs.length > 0 ? parseIp(key.address) : undefined;
  return ip !== undefined && cidrs.some((cidr) => cidrContains(cidr, ip));
}
