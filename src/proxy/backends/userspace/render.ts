/** A Service port → where to listen, and whom to send the clients to. Pure. */
import { cidrContains, parseCidr } from "../../../net/cidr.ts";
import { parseIp } from "../../../net/ip.ts";
import type { Endpoint, Route, ServicePort, Vip } from "../../state.ts";
import type { Context, Listener, Target } from "./model.ts";

/** None for SCTP, which Node has no sockets for, and none where nobody would be served: the kernel refuses such clients. */
export function renderPort(port: ServicePort, context: Context): Listener[] {
  const { protocol } = port;
  if (protocol === "SCTP") return [];
  const listener = (address: string, number: number, vip: string | undefined, target: Target): Listener[] =>
    target.near.length + target.far.length > 0 ? [{ protocol, address, port: number, vip, target }] : [];
  const vips = port.vips.flatMap((vip) => {
    const address = addressFor(vip, context);
    return address === undefined ? [] : listener(address, port.port, vip.address, targetOf(port, vip.role));
  });
  const nodePorts = port.nodePort === 0 ? [] : nodePortAddresses(port, context);
  const outside = targetOf(port, "externalIP");
  return [...vips, ...nodePorts.flatMap((address) => listener(address, port.nodePort, undefined, outside))];
}

/** An address that the machine has is used as it is; a clusterIP that it has not gets a loopback address. */
function addressFor({ address, role }: Vip, { own, loopbackOf }: Context): string | undefined {
  if (own.has(address)) return address;
  return role === "clusterIP" ? loopbackOf(address) : undefined;
}

function targetOf(port: ServicePort, role: Vip["role"]): Target {
  const { name, service, affinitySec } = port;
  const isClusterIp = role === "clusterIP";
  const far = endpointsOf(isClusterIp ? port.internal : port.external, port);
  const near = isClusterIp ? far : port.external === "reject" ? [] : [...port.clusterEndpoints];
  const ranges = role === "loadBalancerIP" ? port.sourceRanges.map(parseCidr) : [];
  return {
    name,
    service,
    affinitySec,
    near,
    far,
    ranges: ranges.filter((range) => range !== undefined),
    serving: new Set(port.serving),
  };
}

function endpointsOf(route: Route, port: ServicePort): readonly Endpoint[] {
  if (route === "cluster") return [...port.clusterEndpoints];
  return route === "local" ? [...port.localEndpoints] : [];
}

/** Without blocks only the loopback address: a program of an ordinary user must not open a port to the network unasked. */
function nodePortAddresses({ family }: ServicePort, { settings, own, nodePorts }: Context): string[] {
  const blocks = settings.nodePortCidrs.filter(({ ip }) => ip.family === family);
  const isChosen = (text: string): boolean => {
    const ip = parseIp(text);
    if (ip?.family !== family || isLoopback(text)) return false;
    if (settings.nodePortCidrs.length === 0) return nodePorts === "all";
    return blocks.length === 0 || blocks.some((block) => cidrContains(block, ip));
  };
  const loopback = settings.localhostNodePorts && family === "IPv4" ? ["127.0.0.1"] : [];
  return [...loopback, ...[...own].filter(isChosen)];
}

export function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}
