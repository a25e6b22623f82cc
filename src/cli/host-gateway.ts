/**
 * What the host's ports lead to: NodePorts (and with them load balancers) answer on 127.0.0.1 and ::1 of the host. The supervisor is told
 * all of them whenever they change; it carries what arrives there to the same port of a node, from where the service proxy
 * forwards it as it does for every outside client. So neither a port nor a connection ends with this process.
 */
import type { Node, Service } from "../api/object.ts";
import type { Informer } from "../client/client.ts";
import { familyOf, type IpFamily } from "../net/ip.ts";
import {
  type FromSupervisor,
  type HostPort,
  keyOf,
  type LeadingPort,
  type ToSupervisor,
} from "./supervisor/messages.ts";

export interface HostGatewayOptions {
  readonly services: Informer<Service>;
  readonly nodes: Informer<Node>;
  send(message: ToSupervisor): void;
  /** One sentence for the Service whose port cannot be had. */
  onRefused(service: Service, reason: string): void;
}

const hosts = { "127.0.0.1": "IPv4", "::1": "IPv6" } as const;
const hostNames = ["127.0.0.1", "::1"] as const;

/** The ports of the host that a Service wants; SCTP has no sockets in Node. */
function hostPorts({ spec }: Service): HostPort[] {
  if (spec.type !== "NodePort" && spec.type !== "LoadBalancer") return [];
  return (spec.ports ?? []).flatMap(({ nodePort, protocol = "TCP" }) =>
    nodePort && (protocol === "TCP" || protocol === "UDP")
      ? hostNames.map((host) => ({ protocol, host, port: nodePort }) as const)
      : [],
  );
}

/** The family in which the node is asked: the client's own, unless the Service has only the other one. */
function familyToward({ spec }: Service, host: HostPort["host"]): IpFamily {
  const families = (spec.ipFamilies ?? []) as readonly IpFamily[];
  const own = hosts[host];
  return families.includes(own) ? own : (families[0] ?? "IPv4");
}

/** Of the first ready node. */
function nodeAddress(nodes: readonly Node[], family: IpFamily): string | undefined {
  for (const { status } of nodes) {
    const ready = status?.conditions?.some(({ type, status: state }) => type === "Ready" && state === "True");
    const internal = (status?.addresses ?? []).filter(({ type }) => type === "InternalIP");
    const address = internal.find((one) => familyOf(one.address) === family)?.address;
    if (ready && address) return address;
  }
  return undefined;
}

/** All of them, each with the node's address it leads to. Pure. */
export function leadingPorts(services: readonly Service[], nodes: readonly Node[]): LeadingPort[] {
  const found = services.flatMap((service) =>
    hostPorts(service).map((port): LeadingPort => {
      const target = nodeAddress(nodes, familyToward(service, port.host));
      return { ...port, ...(target ? { target } : {}) };
    }),
  );
  return found.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** Follows Services and Nodes; returns the function for messages of the supervisor. */
export function startHostGateway(options: HostGatewayOptions): (message: FromSupervisor) => void {
  const { services, nodes, send, onRefused } = options;
  let told = "";
  let isScheduled = false;
  // Not before both lists are complete: what is not named closes.
  const tell = (): void => {
    isScheduled = false;
    const ports = leadingPorts([...services.list()], [...nodes.list()]);
    const text = JSON.stringify(ports);
    if (text === told) return;
    told = text;
    send({ type: "host-ports", ports });
  };
  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(tell);
  };
  void Promise.all([services.synced, nodes.synced]).then(() => {
    tell();
    services.onChange(schedule);
    nodes.onChange(schedule);
  });
  return (message) => {
    if (message.type !== "port-refused") return;
    const owner = [...services.list()].find((one) => hostPorts(one).some((port) => keyOf(port) === keyOf(message)));
    if (owner) onRefused(owner, message.reason);
  };
}
