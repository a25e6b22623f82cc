/** A Service, its slices and its node → forwarding state. Pure: the same objects give the same state. */
import type { EndpointSlice, Service } from "../api/object.ts";
import { objectKey } from "../api/object.ts";
import { cidrContains, formatCidr, networkOf, parseCidrSloppy } from "../net/cidr.ts";
import { bitsOf, canonicalIp, type IpFamily, isOfFamily, parseIp } from "../net/ip.ts";
import { Endpoints, endpointsOf, isReady, isServing } from "./endpoints.ts";
import { type PackedSlice, packSlice } from "./packed-slice.ts";
import { proxyNameLabel } from "./shapes.ts";
import { endpointText, type NodeFacts, type Protocol, type Route, type ServicePort, type Vip } from "./state.ts";
import { clusterChoice, isLastResort, localChoice } from "./topology.ts";

type Port = NonNullable<Service["spec"]["ports"]>[number];
const defaultAffinitySec = 10_800;
const families: readonly IpFamily[] = ["IPv4", "IPv6"];

/** True for Services whose packets are this proxy's business: not headless, not ExternalName, not given to another proxy. */
function isProxied({ metadata, spec }: Service): boolean {
  if (metadata.labels?.[proxyNameLabel] !== undefined || spec.type === "ExternalName") return false;
  return spec.clusterIP !== undefined && spec.clusterIP !== "" && spec.clusterIP !== "None";
}

/** One entry for each port and family with a clusterIP; none for a Service that is not proxied. `key`: the Service's, if it is at hand. */
export function computeService(
  service: Service,
  slices: readonly (EndpointSlice | PackedSlice)[],
  node: NodeFacts,
  key = objectKey(service),
): readonly ServicePort[] {
  if (!isProxied(service)) return [];
  const packed = slices.map(packSlice);
  const ports: ServicePort[] = [];
  for (const family of families) {
    const clusterIp = clusterIpOf(service, family);
    if (!clusterIp) continue;
    const vips = vipsOf(service, clusterIp, family);
    const sourceRanges = sourceRangesOf(service, { family, vips, node });
    for (const port of service.spec.ports ?? [])
      ports.push(computePort({ key, service, port, family, vips, sourceRanges }, packed, node));
  }
  return ports;
}

interface PortInput {
  /** Of the Service. */
  readonly key: string;
  readonly service: Service;
  readonly port: Port;
  readonly family: IpFamily;
  readonly vips: readonly Vip[];
  readonly sourceRanges: readonly string[];
}

function computePort(input: PortInput, slices: readonly PackedSlice[], node: NodeFacts): ServicePort {
  const { key, service, port, family, vips, sourceRanges } = input;
  const { spec } = service;
  const protocol = (port.protocol ?? "TCP") as Protocol;
  const portName = port.name ?? "";
  const endpoints = endpointsOf(slices, { name: portName, protocol, family }, node.name);
  const cluster = clusterChoice(endpoints, node);
  const local = localChoice(endpoints);
  const nodePort = port.nodePort ?? 0;
  const isReachableFromOutside = nodePort !== 0 || vips.some((vip) => vip.role !== "clusterIP");
  const internalLocal = spec.internalTrafficPolicy === "Local";
  const externalLocal = spec.externalTrafficPolicy === "Local" && isReachableFromOutside;
  const usesCluster = !internalLocal || isReachableFromOutside;
  const usesLocal = internalLocal || externalLocal;
  const hasAny = cluster.length > 0 || endpoints.traits.some((traits) => isReady(traits) || isLastResort(traits));
  return {
    name: `${key}:${portName}/${protocol}/${family}`,
    service: key,
    family,
    protocol,
    port: port.port,
    vips,
    nodePort,
    internal: routeOf(internalLocal, hasAny, local.length > 0),
    external: routeOf(externalLocal, hasAny, local.length > 0),
    clusterEndpoints: usesCluster ? cluster : none(family),
    localEndpoints: usesLocal ? local : none(family),
    affinitySec: affinitySecOf(spec),
    sourceRanges,
    serving: protocol === "UDP" ? endpoints.filter(isServing).map(endpointText) : [],
  };
}

const none = (family: IpFamily): Endpoints => new Endpoints({ family, here: "" });

function routeOf(isLocal: boolean, hasAny: boolean, hasLocal: boolean): Route {
  if (!hasAny) return "reject";
  if (!isLocal) return "cluster";
  return hasLocal ? "local" : "drop";
}

function affinitySecOf({ sessionAffinity, sessionAffinityConfig }: Service["spec"]): number {
  if (sessionAffinity !== "ClientIP") return 0;
  return sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySec;
}

function clusterIpOf({ spec }: Service, family: IpFamily): string | undefined {
  const all = spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? ""];
  for (const text of all) {
    const ip = canonicalIp(text);
    if (ip && isOfFamily(ip, family)) return ip;
  }
  return undefined;
}

/** Each address once; the clusterIP's role wins, then the external IP's. Load balancers in Proxy mode keep their own path. */
function vipsOf({ spec, status }: Service, clusterIp: string, family: IpFamily): Vip[] {
  const vips: Vip[] = [{ address: clusterIp, role: "clusterIP" }];
  const add = (text: string | undefined, role: Vip["role"]) => {
    const address = canonicalIp(text ?? "");
    if (!address || !isOfFamily(address, family) || vips.some((vip) => vip.address === address)) return;
    vips.push({ address, role });
  };
  // A load balancer's IP is filtered by source ranges and an external IP is not: the stricter role stands.
  for (const { ip, ipMode } of (status?.loadBalancer?.ingress ?? []) as { ip?: string; ipMode?: string }[]) {
    if (ipMode === undefined || ipMode === "VIP") add(ip, "loadBalancerIP");
  }
  for (const ip of spec.externalIPs ?? []) add(ip, "externalIP");
  return vips;
}

/**
 * Canonical CIDRs of the family; a zero-length prefix means no filter. When a range holds an address of this node, the
 * load-balancer IPs count as sources too: a process of the node may use the VIP as its own address.
 */
function sourceRangesOf(
  { spec }: Service,
  { family, vips, node }: { family: IpFamily; vips: readonly Vip[]; node: NodeFacts },
): string[] {
  if (!spec.loadBalancerSourceRanges?.length) return [];
  const ranges = spec.loadBalancerSourceRanges
    .map((text) => parseCidrSloppy(text.trim()))
    .filter((cidr) => cidr !== undefined && cidr.ip.family === family)
    .map((cidr) => networkOf(cidr as NonNullable<typeof cidr>));
  if (ranges.some(({ prefix }) => prefix === 0)) return [];
  const nodeIps = node.addresses.map(parseIp).filter((ip) => ip !== undefined);
  const texts = ranges.map(formatCidr);
  if (ranges.some((range) => nodeIps.some((ip) => cidrContains(range, ip)))) {
    for (const vip of vips) if (vip.role === "loadBalancerIP") texts.push(`${vip.address}/${bitsOf(family)}`);
  }
  return [...new Set(texts)].sort();
}
