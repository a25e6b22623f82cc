/** The host's ports that lead into the cluster: 127.0.0.1:<port> and [::1]:<port>, opened in the host's namespace and served by this process. */
import dgram from "node:dgram";
import net from "node:net";
import { errorCode } from "../errors.ts";
import type { Dialer } from "./dialer.ts";
import { type Destination, type HostPort, keyOf, type LeadingPort } from "./messages.ts";
import { relayTcp, relayUdp } from "./relay.ts";

interface OpenPort {
  target: string | undefined;
  close: () => void;
}

export interface HostPorts {
  /** These and no others; ports that stay keep their connections, and connections outlive their port. */
  set(ports: readonly LeadingPort[], onRefused: (port: HostPort, reason: string) => void): void;
  close(): void;
}

export function createHostPorts(dialer: Pick<Dialer, "dial">): HostPorts {
  const open = new Map<string, OpenPort>();

  const start = async (port: LeadingPort, one: OpenPort, refuse: (reason: string) => void): Promise<void> => {
    const key = keyOf(port);
    const destination = (): Destination | undefined =>
      one.target === undefined ? undefined : { protocol: port.protocol, address: one.target, port: port.port };
    const dial = async () => {
      const to = destination();
      return to && dialer.dial(to);
    };
    try {
      const socket = port.protocol === "TCP" ? await listenTcp(port) : await bindUdp(port);
      const endFlows = socket instanceof net.Server ? relayTcp(socket, dial) : relayUdp(socket, dial, destination);
      one.close = () => {
        endFlows?.();
        socket.close();
      };
      // It was given up meanwhile.
      if (open.get(key) !== one) one.close();
    } catch (error) {
      if (open.get(key) === one) open.delete(key);
      const reason = reasonOf(port, error);
      if (reason) refuse(reason);
    }
  };

  return {
    set(ports, onRefused) {
      const wanted = new Map(ports.map((port) => [keyOf(port), port]));
      for (const [key, { close }] of open) {
        if (wanted.has(key)) continue;
        open.delete(key);
        close();
      }
      for (const [key, port] of wanted) {
        const known = open.get(key);
        if (known) known.target = port.target;
        else {
          const one: OpenPort = { target: port.target, close: () => {} };
          open.set(key, one);
          void start(port, one, (reason) => onRefused(port, reason));
        }
      }
    },
    close() {
      for (const { close } of open.values()) close();
      open.clear();
    },
  };
}

function listenTcp({ host, port }: HostPort): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true });
    server.once("error", reject);
    server.listen(port, host, () => resolve(server));
  });
}

function bindUdp({ host, port }: HostPort): Promise<dgram.Socket> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket(host === "::1" ? "udp6" : "udp4");
    socket.once("error", reject);
    socket.bind(port, host, () => resolve(socket));
  });
}

const formatHostPort = ({ host, port }: Omit<HostPort, "protocol">): string =>
  host === "::1" ? `[::1]:${port}` : `${host}:${port}`;

/** Undefined: this host does without the address. */
function reasonOf(wanted: HostPort, error: unknown): string | undefined {
  const code = errorCode(error);
  if (wanted.host === "::1" && (code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT")) return undefined;
  return code === "EADDRINUSE"
    ? `${formatHostPort(wanted)} is used by another program`
    : `${formatHostPort(wanted)} cannot be opened (${code ?? (error as Error).message})`;
}
