/** The inner side of the host's ports: an agent opens a socket in the cluster's underlay, outside of its node, and hands it to the supervisor. */
import dgram from "node:dgram";
import net, { isIPv6 } from "node:net";
import { AF_INET, AF_INET6, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM, socket } from "../kernel/ffi.ts";
import { within } from "../kernel/netns.ts";
import type { Destination } from "./supervisor/messages.ts";

/** Of the cluster's first process, whose network is the underlay. */
const underlayNamespace = "/proc/1/ns/net";

function openSocket({ protocol, address }: Destination): number {
  const kind = protocol === "TCP" ? SOCK_STREAM : SOCK_DGRAM;
  return within(underlayNamespace, () => socket(isIPv6(address) ? AF_INET6 : AF_INET, kind | SOCK_NONBLOCK, 0));
}

export function dial(destination: Destination): Promise<net.Socket | dgram.Socket> {
  return destination.protocol === "TCP" ? dialTcp(destination) : openUdp(destination);
}

function dialTcp(destination: Destination): Promise<net.Socket> {
  const { address, port } = destination;
  // What the server says first is the supervisor's to read: as of a server's `pauseOnConnect`.
  const options = { fd: openSocket(destination), allowHalfOpen: true, pauseOnCreate: true };
  const upstream = new net.Socket(options);
  return new Promise((resolve, reject) => {
    upstream.once("error", reject);
    upstream.connect(port, address, () => resolve(upstream));
  });
}

function openUdp(destination: Destination): Promise<dgram.Socket> {
  const upstream = dgram.createSocket(isIPv6(destination.address) ? "udp6" : "udp4");
  return new Promise((resolve, reject) => {
    upstream.once("error", reject);
    upstream.bind({ fd: openSocket(destination) }, () => resolve(upstream));
  });
}
