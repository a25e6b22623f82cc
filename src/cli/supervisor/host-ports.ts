/** The supervisor's side of the host's ports: opens 127.0.0.1:<port> in the host's namespace and hands the socket inside. */
import type { ChildProcess } from "node:child_process";
import dgram from "node:dgram";
import net from "node:net";
import type { Log } from "../../lib/log.ts";
import { errorCode } from "../errors.ts";
import type { FromSupervisor } from "./messages.ts";

type Protocol = "TCP" | "UDP";

function listenTcp(port: number): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer({ pauseOnConnect: true });
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

function bindUdp(port: number): Promise<dgram.Socket> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket("udp4");
    socket.once("error", reject);
    socket.bind(port, "127.0.0.1", () => resolve(socket));
  });
}

const reasonOf = (port: number, error: unknown): string =>
  errorCode(error) === "EADDRINUSE"
    ? `127.0.0.1:${port} is used by another program`
    : `127.0.0.1:${port} cannot be opened (${errorCode(error) ?? (error as Error).message})`;

/** Opens the port and sends its socket to `child`; ours is closed then, so that only the child accepts. */
export async function handOver(child: ChildProcess, protocol: Protocol, port: number, log: Log): Promise<void> {
  try {
    const handle = protocol === "TCP" ? await listenTcp(port) : await bindUdp(port);
    const message: FromSupervisor = { type: "port", protocol, port };
    child.send(message, handle, (error) => {
      if (error) log.warn("Cannot hand over a port", { protocol, port, error });
      handle.close();
    });
  } catch (error) {
    const message: FromSupervisor = { type: "port-refused", protocol, port, reason: reasonOf(port, error) };
    if (child.connected) child.send(message, () => {});
  }
}
