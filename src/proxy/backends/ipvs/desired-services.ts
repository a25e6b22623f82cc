/** Elements "services" and "node-ports", and the node's addresses → the virtual services that there should be. Pure. */
import { type ServiceKey, serviceKeyText } from "../../../kernel/ipvs/port.ts";
import { cidrContains } from "../../../net/cidr.ts";
import { type IpFamily, parseIp } from "../../../net/ip.ts";
import type { Elements, Keys } from "../nftables/elements.ts";
import type { Settings } from "../port.ts";
import type { DesiredService } from "./plan.ts";
import { type KeyedSpec, nodePortText, type ServiceSpec } from "./render.ts";

/** Of the node's addresses those that take node ports: never loopback, from which IPVS sends nothing on (see README.md). */
export function nodePortAddresses(
  addresses: readonly string[],
  family: IpFamily,
  { nodePortCidrs }: Settings,
): Set<string> {
  const blocks = nodePortCidrs.filter(({ ip }) => ip.family === family);
  const takes = (address: string): boolean => {
    const ip = parseIp(address);
    if (!ip || ip.family !== family || address === "::1" || /^(127\.|fe[89ab])/.test(address)) return false;
    return blocks.length === 0 || blocks.some((cidr) => cidrContains(cidr, ip));
  };
  return new Set(addresses.filter(takes));
}

export interface Wanted {
  readonly family: IpFamily;
  readonly elements: Elements;
  readonly nodeAddresses: ReadonlySet<string>;
}

/** A VIP wins over a node port of the same address and number. */
export function desiredService(key: ServiceKey, { elements, nodeAddresses }: Wanted): DesiredService | undefined {
  const own = elements.get("services")?.get(serviceKeyText(key));
  if (own !== undefined) return JSON.parse(own) as KeyedSpec;
  if (key.kind === "mark" || !nodeAddresses.has(key.address)) return undefined;
  const spec = elements.get("node-ports")?.get(nodePortText(key.protocol, key.port));
  return spec === undefined ? undefined : { ...(JSON.parse(spec) as ServiceSpec), key };
}

/** The keys that the elements stand for; of a "services" element that is gone, `heldKey` tells. */
export function keysFor(
  { family, elements, nodeAddresses }: Wanted,
  touched: Keys,
  heldKey: (text: string) => ServiceKey | undefined,
): Map<string, ServiceKey> {
  const keys = new Map<string, ServiceKey>();
  const add = (key: ServiceKey | undefined) => key && keys.set(serviceKeyText(key), key);
  for (const text of touched.get("services")?.keys() ?? []) {
    const spec = elements.get("services")?.get(text);
    add(spec === undefined ? heldKey(text) : (JSON.parse(spec) as KeyedSpec).key);
  }
  for (const text of touched.get("node-ports")?.keys() ?? []) {
    const [protocol, port] = text.split(" ");
    for (const address of nodeAddresses) {
      add({ kind: "address", family, protocol: protocol as "TCP", address, port: Number(port) });
    }
  }
  return keys;
}
