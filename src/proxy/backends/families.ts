/** The address families of this machine, and what of a change is one family's. */
import { existsSync } from "node:fs";
import type { IpFamily } from "../../net/ip.ts";
import type { ServicePort } from "../state.ts";

/** A kernel without IPv6 has no such file. */
export function supportedFamilies(ipv6File = "/proc/net/if_inet6"): IpFamily[] {
  return existsSync(ipv6File) ? ["IPv4", "IPv6"] : ["IPv4"];
}

export function servicesOf(
  services: ReadonlyMap<string, readonly ServicePort[]>,
  family: IpFamily,
): Map<string, readonly ServicePort[]> {
  return new Map([...services].map(([name, ports]) => [name, ports.filter((port) => port.family === family)]));
}
