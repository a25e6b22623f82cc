/** Service, Pods and Nodes → the endpoints that its slices must hold, grouped as slices must group them. */
import type { Endpoint } from "kubernetes-types/discovery/v1";
import type { Node, Pod, Service } from "../../api/object.ts";
import { isFinished, isReady, isTerminating, podIps } from "../pod.ts";
import { type EndpointPort, endpointHostname, endpointPorts, isHeadless, targetRef } from "../service-endpoint.ts";

export type AddressType = "IPv4" | "IPv6";

/** Endpoints that share one list of ports, e.g. two groups when a named target port is 8080 on some Pods and 9090 on others. */
export interface Group {
  readonly addressType: AddressType;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: Endpoint[];
}

const zoneLabel = "topology.kubernetes.io/zone";

/** One text for equal lists of ports, whatever their order. */
export function portsKey(
  ports: readonly { name?: string; port?: number; protocol?: string; appProtocol?: string }[],
): string {
  return ports
    .map(({ name = "", port, protocol = "TCP", appProtocol = "" }) =>
      [name, protocol, port ?? "", appProtocol].join("/"),
    )
    .sort()
    .join(",");
}

export const groupKey = ({ addressType, ports }: Pick<Group, "addressType" | "ports">): string =>
  `${addressType} ${portsKey(ports)}`;

export function addressTypesOf({ spec }: Service): AddressType[] {
  const families = spec.ipFamilies ?? [];
  return families.length > 0 ? families.map((family) => (family === "IPv6" ? "IPv6" : "IPv4")) : ["IPv4"];
}

/** By `groupKey`; every address type of the Service has at least the groups of the Pods that exist. */
export function computeGroups(
  service: Service,
  { pods, nodeOf }: { pods: readonly Pod[]; nodeOf: (name: string) => Node | undefined },
): Map<string, Group> {
  const groups = new Map<string, Group>();
  for (const addressType of addressTypesOf(service)) {
    for (const pod of pods) {
      const endpoint = computeEndpoint(service, { pod, addressType, nodeOf });
      if (!endpoint) continue;
      const ports = endpointPorts(service, pod);
      // A Pod that has none of the ports cannot be reached; a headless Service without ports still names its Pods.
      if (ports.length === 0 && !(isHeadless(service) && (service.spec.ports ?? []).length === 0)) continue;
      const key = groupKey({ addressType, ports });
      const group = groups.get(key);
      if (group) group.endpoints.push(endpoint);
      else groups.set(key, { addressType, ports, endpoints: [endpoint] });
    }
  }
  return groups;
}

function computeEndpoint(
  service: Service,
  { pod, addressType, nodeOf }: { pod: Pod; addressType: AddressType; nodeOf: (name: string) => Node | undefined },
): Endpoint | undefined {
  const address = podIps(pod).find((ip) => ip.includes(":") === (addressType === "IPv6"));
  if (!address || isFinished(pod)) return undefined;
  const { publishNotReadyAddresses = false } = service.spec;
  const { nodeName } = pod.spec;
  const node = nodeName ? nodeOf(nodeName) : undefined;
  // Its zone is not known yet; the Node's arrival leads here again.
  if (nodeName && !node && !publishNotReadyAddresses) return undefined;
  const zone = node?.metadata.labels?.[zoneLabel];
  const hostname = endpointHostname(service, pod);
  const serving = isReady(pod);
  const terminating = isTerminating(pod);
  const ready = publishNotReadyAddresses || (serving && !terminating);
  const hints = ready ? hintsOf(service, { zone, nodeName }) : undefined;
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    targetRef: targetRef(pod),
    ...(hostname ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
    ...(hints ? { hints } : {}),
  };
}

/** Service.spec.trafficDistribution: which zone (and node) should use the endpoint. */
function hintsOf(
  { spec }: Service,
  { zone, nodeName }: { zone: string | undefined; nodeName: string | undefined },
): Endpoint["hints"] | undefined {
  const distribution = spec.trafficDistribution;
  const byNode = distribution === "PreferSameNode" && nodeName !== undefined;
  const byZone = (byNode || distribution === "PreferClose" || distribution === "PreferSameZone") && zone !== undefined;
  if (!byNode && !byZone) return undefined;
  return {
    ...(byZone ? { forZones: [{ name: zone }] } : {}),
    ...(byNode ? { forNodes: [{ name: nodeName }] } : {}),
  };
}
