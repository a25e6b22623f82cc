/**
 * The inner side of the host's ports: NodePorts (and with them load balancers) answer on 127.0.0.1 and ::1 of the host.
 * For each node port of a Service the supervisor is asked for 127.0.0.1:<port> and [::1]:<port>; what arrives there is carried to
 * the same port of a node, from where the service proxy forwards it as it does for every outside client.
 */
import dgram from "node:dgram";
import net from "node:net";
import type { Service } from "../api/object.ts";
import type { Informer } from "../client/client.ts";
import type { Log } from "../lib/log.ts";
import type { IpFamily } from "../net/ip.ts";
import type { FromSupervisor, HostPort, ToSupervisor } from "./supervisor/messages.ts";

export interface HostGatewayOptions {
  readonly services: Informer<Service>;
  /** A node's address on the underlay, asked for at each connection. */
  nodeAddress(family: IpFamily): string | undefined;
  send(message: ToSupervisor): void;
  /** One sentence for the Service whose port cannot be had. */
  onRefused(service: Service, reason: string): void;
  readonly log: Log;
}

const keyOf = ({ protocol, host, port }: HostPort): string => `${protocol} ${host} ${port}`;
const familyOfHost = { "127.0.0.1": "IPv4", "::1": "IPv6" } as const;
const hosts = ["127.0.0.1", "::1"] as const;

/** The ports of the host that a Service wants; SCTP has no sockets in Node. */
export function hostPorts(service: Service): HostPort[] {
  if (service.spec.type !== "NodePort" && service.spec.type !== "LoadBalancer") return [];
  return (service.spec.ports ?? []).flatMap(({ nodePort, protocol = "TCP" }) =>
    nodePort && (protocol === "TCP" || protocol === "UDP")
      ? hosts.map((host) => ({ protocol, host, port: nodePort }) as const)
      : [],
  );
}

/** The family in which the node is asked: the client's own, unless the Service has only the other one. */
export function familyToward({ spec }: Service, host: HostPort["host"]): IpFamily {
  const families = (spec.ipFamilies ?? []) as readonly IpFamily[];
  const own = familyOfHost[host];
  return families.includes(own) ? own : (families[0] ?? "IPv4");
}

/** Joins two sockets until either end is done; half-closed connections stay open in the other direction. */
function join(client: net.Socket, address: string, port: number): void {
  const upstream = net.connect({ host: address, port, allowHalfOpen: true });
  const end = (): void => {
    client.destroy();
    upstream.destroy();
  };
  client.on("error", end);
  upstream.on("error", end);
  client.pipe(upstream).pipe(client);
}

function serveTcp(server: net.Server, port: number, nodeAddress: () => string | undefined): () => void {
  server.on("connection", (client: net.Socket) => {
    const address = nodeAddress();
    if (!address) return client.destroy();
    client.allowHalfOpen = true;
    join(client, address, port);
    client.resume();
  });
  return () => server.close();
}

const udpIdleMs = 60_000;

/** One upstream socket for each client address, forgotten after a minute of silence. */
function serveUdp(socket: dgram.Socket, port: number, nodeAddress: () => string | undefined): () => void {
  const flows = new Map<string, { upstream: dgram.Socket; timer: NodeJS.Timeout }>();
  const drop = (key: string): void => {
    flows.get(key)?.upstream.close();
    flows.delete(key);
  };
  socket.on("message", (data, client) => {
    const key = `${client.address}:${client.port}`;
    const flow = flows.get(key);
    if (!flow) {
      const address = nodeAddress();
      if (!address) return;
      const upstream = dgram.createSocket(address.includes(":") ? "udp6" : "udp4");
      upstream.on("message", (answer) => socket.send(answer, client.port, client.address));
      upstream.on("error", () => drop(key));
      upstream.connect(port, address);
      upstream.once("connect", () => upstream.send(data));
      flows.set(key, { upstream, timer: setTimeout(() => drop(key), udpIdleMs) });
      return;
    }
    flow.timer.refresh();
    flow.upstream.send(data);
  });
  return () => {
    for (const [key, { timer }] of flows) {
      clearTimeout(timer);
      drop(key);
    }
    socket.close();
  };
}

/** Follows the Services; returns the function for messages of the supervisor. */
export function startHostGateway(options: HostGatewayOptions): (message: FromSupervisor, handle: unknown) => void {
  const { services, nodeAddress, send, onRefused, log } = options;
  /** Wanted ports by key; `close` once open. */
  const ports = new Map<string, { owner: Service; close?: () => void }>();

  const want = (service: Service, port: HostPort): void => {
    const key = keyOf(port);
    const known = ports.get(key);
    if (known) known.owner = service;
    else {
      ports.set(key, { owner: service });
      send({ type: "open-port", ...port });
    }
  };
  const release = (port: HostPort): void => {
    ports.get(keyOf(port))?.close?.();
    ports.delete(keyOf(port));
  };
  services.onChange((change) => {
    const now = change.type === "deleted" ? [] : hostPorts(change.object);
    const kept = new Set(now.map(keyOf));
    const before = change.type === "added" ? [] : hostPorts(change.type === "updated" ? change.old : change.object);
    for (const port of before) if (!kept.has(keyOf(port))) release(port);
    for (const port of now) want(change.object, port);
  });

  return (message, handle) => {
    if (message.type === "port-refused") {
      const owner = ports.get(keyOf(message))?.owner;
      ports.delete(keyOf(message));
      if (owner && message.reason) onRefused(owner, message.reason);
      return;
    }
    if (message.type !== "port") return;
    const entry = ports.get(keyOf(message));
    const target = (): string | undefined => entry && nodeAddress(familyToward(entry.owner, message.host));
    if (handle instanceof net.Server) {
      if (entry) entry.close = serveTcp(handle, message.port, target);
      else handle.close();
    } else if (handle instanceof dgram.Socket) {
      if (entry) entry.close = serveUdp(handle, message.port, target);
      else handle.close();
    } else log.warn("A port came without its socket", { protocol: message.protocol, port: message.port });
  };
}
