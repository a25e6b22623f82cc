/** A Service port → the elements of the maps that stand for it. Pure. */
import type { IpFamily } from "../../../net/ip.ts";
import type { Endpoints } from "../../endpoints.ts";
import { endpointText, type Route, type ServicePort } from "../../state.ts";
import type { Settings } from "../port.ts";
import type { Identity } from "./identities.ts";
import { isRemembered } from "./identities.ts";
import {
  address,
  anyAddress,
  clusterSet,
  destination,
  endpointValues,
  lists,
  localSet,
  pair,
  serviceValue,
} from "./layout.ts";

export type MapName = "services" | "outside" | "endpoints" | "handles" | "addresses" | "members";

/** Of a list (../nftables/elements.ts) the key is the first one's, and the value all of theirs. */
export interface Element {
  readonly map: MapName;
  readonly key: string;
  readonly value: string;
}

/** With `masqueradeAll` packets to a clusterIP must get the node's address, which a socket's cannot. */
export type RenderOptions = Pick<Settings, "masqueradeAll" | "podCidrs" | "podLink">;

/** True for settings that give a Service the same elements. */
export function rendersSame(a: RenderOptions, b: RenderOptions): boolean {
  const families = ["IPv4", "IPv6"] as const;
  return (
    a.masqueradeAll === b.masqueradeAll && families.every((family) => hidesOthers(a, family) === hidesOthers(b, family))
  );
}

/** Whether clients outside are masqueraded on the way to a clusterIP: not where nothing tells Pods from others. */
const hidesOthers = ({ masqueradeAll, podCidrs, podLink }: RenderOptions, family: IpFamily): boolean =>
  masqueradeAll || podLink !== undefined || podCidrs.some(({ ip }) => ip.family === family);

type Where = { readonly set: "cluster" | "local" | "refused" } | undefined;

/** Destinations that are left out go to the packet rules: what is dropped, and what depends on the client's address. */
export function renderPort(port: ServicePort, identity: Identity, options: RenderOptions): Element[] {
  const { masqueradeAll } = options;
  // Sockets of SCTP have no such hooks.
  if (port.protocol === "SCTP") return [];
  const services: Element[] = [];
  const used = new Set<"cluster" | "local">();
  const put = (addressKey: string, number: number, where: Where): void => {
    if (!where) return;
    const { set } = where;
    // The packet rules answer what is sent: only connect() tells a program at once.
    if (set === "refused" && port.protocol === "UDP") return;
    if (set !== "refused") used.add(set);
    services.push({
      map: "services",
      key: destination(addressKey, number, port.protocol),
      value: valueFor(port, identity, set),
    });
  };
  const external = nearRoute(port);
  for (const vip of port.vips) {
    const isRanged = vip.role === "loadBalancerIP" && port.sourceRanges.length > 0;
    if (vip.role === "clusterIP")
      put(address(vip.address), port.port, masqueradeAll ? undefined : route(port.internal));
    else if (!isRanged) put(address(vip.address), port.port, external);
  }
  if (port.nodePort) put(anyAddress[port.family], port.nodePort, external);
  const outside = renderOutside(port, identity, hidesOthers(options, port.family));
  for (const { route: wanted } of outside) used.add(wanted);
  return [...renderSets(port, identity, used), ...services, ...outside.map(({ element }) => element)];
}

interface OutsideElement {
  readonly route: "cluster" | "local";
  readonly element: Element;
}

/** For packets from outside. UDP node ports are not told from answers to masqueraded packets: they stay with the packet rules. */
function renderOutside(port: ServicePort, identity: Identity, hidesOthers: boolean): OutsideElement[] {
  const put = (addressKey: string, number: number, route: Route, masquerade: boolean): OutsideElement[] => {
    if (route !== "cluster" && route !== "local") return [];
    const key = destination(addressKey, number, port.protocol);
    return [{ route, element: { map: "outside", key, value: valueFor(port, identity, route, masquerade) } }];
  };
  const { external, internal } = port;
  return [
    ...port.vips.flatMap(({ address: vip, role }) => {
      if (role === "clusterIP") return put(address(vip), port.port, internal, hidesOthers);
      const isRanged = role === "loadBalancerIP" && port.sourceRanges.length > 0;
      return isRanged ? [] : put(address(vip), port.port, external, external === "cluster");
    }),
    ...(port.nodePort && port.protocol === "TCP"
      ? put(anyAddress[port.family], port.nodePort, external, external === "cluster")
      : []),
  ];
}

function route(name: Route): Where {
  if (name === "drop") return undefined;
  return { set: name === "reject" ? "refused" : name };
}

/** Clients here are Pods and processes of this node: whatever the policy, they reach the cluster's endpoints from outside addresses. */
function nearRoute({ external, clusterEndpoints }: ServicePort): Where {
  if (external === "reject") return { set: "refused" };
  return clusterEndpoints.length > 0 ? { set: "cluster" } : undefined;
}

function valueFor(
  port: ServicePort,
  { id }: Identity,
  set: "cluster" | "local" | "refused",
  masquerade = false,
): string {
  const { affinitySec } = port;
  if (set === "refused") return serviceValue({ id, set: 0, count: 0, affinitySec: 0, refused: true });
  const isLocal = set === "local";
  const count = (isLocal ? port.localEndpoints : port.clusterEndpoints).length;
  return serviceValue({ id, set: isLocal ? localSet(id) : clusterSet(id), count, affinitySec, masquerade });
}

function renderSets(port: ServicePort, { id, handles }: Identity, used: ReadonlySet<"cluster" | "local">): Element[] {
  const sets: [number, Endpoints][] = [];
  if (used.has("cluster")) sets.push([clusterSet(id), port.clusterEndpoints]);
  if (used.has("local")) sets.push([localSet(id), port.localEndpoints]);
  const remembered = isRemembered(port);
  return sets.flatMap(([set, endpoints]): Element[] => {
    if (endpoints.length === 0) return [];
    const numbers = remembered ? endpoints.map((endpoint) => handles.get(endpointText(endpoint)) ?? 0) : [];
    const values = endpointValues(endpoints.targets, port.family, numbers);
    const named = numbers.map((handle, n): Element => {
      const value = values.slice(n * lists.endpoints, (n + 1) * lists.endpoints);
      return { map: "handles", key: pair(set, handle), value };
    });
    return [...named, { map: "endpoints", key: pair(set, 0), value: values }];
  });
}
