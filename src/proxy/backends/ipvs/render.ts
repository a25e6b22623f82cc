/** A Service port → elements: rules' sets, virtual services, node ports and addresses, each counted by who wants it. Pure. */
import { type ServiceKey, type ServiceSettings, schedulerFlags, serviceKeyText } from "../../../kernel/ipvs/port.ts";
import { addressBytes, networkBytes, u32 } from "../../../kernel/nftables/values.ts";
import { parseCidr } from "../../../net/cidr.ts";
import type { Endpoint, Route, ServicePort } from "../../state.ts";
import type { Element } from "../nftables/elements.ts";
import { rangeSet } from "../nftables/layout.ts";
import { type Role, roleValue } from "./layout.ts";
import { portKey, vipKey } from "./near-marks.ts";
import type { Scheduler } from "./options.ts";

/** What a virtual service should be; travels as text in the sets "services" (by the key's text) and "node-ports" (by `nodePortText`). */
export interface ServiceSpec {
  /** e.g. "default/web". */
  readonly owner: string;
  readonly settings: ServiceSettings;
  readonly servers: readonly { readonly address: string; readonly port: number }[];
  /** UDP only: endpoints whose flows are not stale, as `serverText`. */
  readonly serving?: readonly string[];
}

/** In the set "services": with the key that its text stands for. */
export interface KeyedSpec extends ServiceSpec {
  readonly key: ServiceKey;
}

export interface RenderContext {
  readonly scheduler: Scheduler;
  /** See `NearMarks`. */
  readonly markOf: (port: ServicePort) => number;
}

/** e.g. "TCP 30080". */
export const nodePortText = (protocol: string, port: number): string => `${protocol} ${port}`;

export function renderPort(port: ServicePort, context: RenderContext): Element[] {
  const elements: Element[] = [];
  const put = (set: string, key: string, value = "") => void elements.push({ set, key, value });
  for (const { address, role } of port.vips) {
    const isInternal = role === "clusterIP";
    const key = vipKey(address, port, port.port);
    put("addresses", address);
    put("roles", key, roleValue(isInternal ? internalRole(port.internal) : externalRole(port.external)));
    const service: ServiceKey = {
      kind: "address",
      family: port.family,
      protocol: port.protocol,
      address,
      port: port.port,
    };
    putSpec(put, { key: service, ...specOf(port, isInternal ? port.internal : port.external, context) });
    if (!isInternal && isForNear(port)) put("near", key, u32(context.markOf(port)));
    if (role === "loadBalancerIP") renderRanges(port, key, put);
  }
  if (port.nodePort) {
    const key = portKey(port, port.nodePort);
    put("port-roles", key, roleValue(externalRole(port.external)));
    put("node-ports", nodePortText(port.protocol, port.nodePort), JSON.stringify(specOf(port, port.external, context)));
    if (isForNear(port)) put("near-ports", key, u32(context.markOf(port)));
  }
  if (isForNear(port)) renderNear(port, context, put);
  for (const { ip } of new Map(endpointsOf(port).map((endpoint) => [endpoint.ip, endpoint])).values()) {
    put("hairpin", addressBytes(ip) + addressBytes(ip));
  }
  return elements;
}

type Put = (set: string, key: string, value?: string) => void;

function putSpec(put: Put, spec: KeyedSpec): void {
  put("services", serviceKeyText(spec.key), JSON.stringify(spec));
}

/** Endpoints that may be on this node. */
function endpointsOf({ clusterEndpoints, localEndpoints }: ServicePort): Endpoint[] {
  return [...clusterEndpoints.near(), ...localEndpoints.near()];
}

/** externalTrafficPolicy Local is for clients outside: near ones reach every endpoint. */
function isForNear({ external, nodePort, vips }: ServicePort): boolean {
  const isOutside = nodePort !== 0 || vips.some(({ role }) => role !== "clusterIP");
  return isOutside && (external === "local" || external === "drop");
}

function internalRole(route: Route): Role {
  return route === "cluster" || route === "local" ? "cluster" : route;
}

function externalRole(route: Route): Role {
  if (route === "cluster") return "external";
  return route === "drop" ? "localDrop" : route;
}

/** A service without servers stays, for the connections that go on. */
function specOf(port: ServicePort, route: Route, { scheduler }: RenderContext): ServiceSpec {
  const chosen = { cluster: port.clusterEndpoints, local: port.localEndpoints, reject: [], drop: [] }[route];
  return {
    owner: port.service,
    settings: { scheduler, flags: schedulerFlags(scheduler), persistenceSec: port.affinitySec },
    servers: Array.from(chosen, ({ ip, port: number }) => ({ address: ip, port: number })),
    ...(port.protocol === "UDP" ? { serving: port.serving } : {}),
  };
}

/**
 * IPVS does not rewrite the port of connections that a mark and a persistence bring (ip_vs_sched_persist), so affinity of near
 * clients is by a hash of their address.
 */
function renderNear(port: ServicePort, context: RenderContext, put: Put): void {
  const spec = specOf(port, "cluster", context);
  const scheduler = port.affinitySec ? "sh" : context.scheduler;
  const settings = { scheduler, flags: schedulerFlags(scheduler), persistenceSec: 0 };
  putSpec(put, { key: { kind: "mark", family: port.family, mark: context.markOf(port) }, ...spec, settings });
}

function renderRanges(port: ServicePort, key: string, put: Put): void {
  if (port.sourceRanges.length === 0) return;
  put("ranged", key);
  for (const text of port.sourceRanges) {
    const cidr = parseCidr(text);
    if (cidr) put(rangeSet(cidr.prefix), key + networkBytes(cidr));
  }
}
