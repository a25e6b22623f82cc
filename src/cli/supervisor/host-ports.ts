/** The supervisor's side of the host's ports: opens 127.0.0.1:<port> or [::1]:<port> in the host's namespace and hands the socket inside. */
import type { ChildProcess } from "node:child_process";
import dgram from "node:dgram";
import net from "node:net";
import type { Log } from "../../lib/log.ts";
import { errorCode } from "../errors.ts";
import type { FromSupervisor, HostPort } from "./messages.ts";

function listenTcp({ host, port }: HostPort): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer({ pauseOnConnect: true });
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

export const formatHostPort = ({ host, port }: Omit<HostPort, "protocol">): string =>
  host === "::1" ? `[::1]:${port}` : `${host}:${port}`;

/** Undefined: this host does without the address. */
function reasonOf(wanted: HostPort, error: unknown): string | undefined {
  const code = errorCode(error);
  if (wanted.host === "::1" && (code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT")) return undefined;
  return code === "EADDRINUSE"
    ? `${formatHostPort(wanted)} is used by another program`
    : `${formatHostPort(wanted)} cannot be opened (${code ?? (error as Error).message})`;
}

/** Opens the port and sends its socket to `child`; ours is closed then, so that only the child accepts. */
export async function handOver(child: ChildProcess, { protocol, host, port }: HostPort, log: Log): Promise<void> {
  const wanted: HostPort = { protocol, host, port };
  try {
    const handle = protocol === "TCP" ? await listenTcp(wanted) : await bindUdp(wanted);
    const message: FromSupervisor = { type: "port", ...wanted };
    child.send(message, handle, (error) => {
      if (error) log.warn("Cannot hand over a port", { ...wanted, error });
      handle.close();
    });
  } catch (error) {
    const reason = reasonOf(wanted, error);
    const message: FromSupervisor = { type: "port-refused", ...wanted, ...(reason ? { reason } : {}) };
    if (child.connected) child.send(message, () => {});
  }
}
