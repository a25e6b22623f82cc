/**
 * The API server's port on 127.0.0.1 of the host. The supervisor binds it and never accepts: the socket outlives an
 * API server that was killed, and clients that connect meanwhile wait in its backlog for the next one.
 */
import https from "node:https";
import net from "node:net";
import { bind, close, hasCode, SOL_SOCKET, setSocketOption, socket } from "../../kernel/ffi.ts";
import { CliError, errorCode } from "../errors.ts";

const AF_INET = 2;
const SOCK_STREAM = 1;
const SO_REUSEADDR = 2;
export const defaultApiPort = 6443;
/** How many clusters of one machine find a port of their own. */
const portsTried = 100;

/** struct sockaddr_in (ip(7)). */
function socketAddress(port: number): Buffer {
  const address = Buffer.alloc(16);
  address.writeUInt16LE(AF_INET, 0);
  address.writeUInt16BE(port, 2);
  address.set([127, 0, 0, 1], 4);
  return address;
}

function bindPort(port: number): number | undefined {
  const fd = socket(AF_INET, SOCK_STREAM, 0);
  try {
    setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    bind(fd, socketAddress(port));
    return fd;
  } catch (error) {
    close(fd);
    if (hasCode(error, "EADDRINUSE")) return undefined;
    throw new CliError(
      `Cannot open port ${port} on 127.0.0.1 (${(error as Error).message}): choose another with --api-port.`,
    );
  }
}

/**
 * A bound port that nobody listens on yet can be bound by another cluster that starts at the same moment: whoever holds
 * this name (unix(7), abstract, of the network namespace) has the port. False when another one does.
 */
function claim(port: number): Promise<boolean> {
  const lock = net.createServer().unref();
  return new Promise((resolve, reject) => {
    lock.once("error", (error) => (errorCode(error) === "EADDRINUSE" ? resolve(false) : reject(error)));
    lock.listen(`\0fairlead-api-port-${port}`, () => resolve(true));
  });
}

/** True if what answers on the port is a fairlead API server. */
function isFairlead(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = https.get(
      { host: "127.0.0.1", port, path: "/version", rejectUnauthorized: false, timeout: 1000, agent: false },
      (response) => {
        let text = "";
        response.on("data", (data: Buffer) => {
          text += data.toString();
          if (text.length > 10_000) response.destroy();
        });
        response.on("close", () => resolve(text.includes("+fairlead")));
      },
    );
    request.on("timeout", () => request.destroy());
    request.on("error", () => resolve(false));
  });
}

export interface ApiPort {
  readonly port: number;
  readonly fd: number;
}

/** A bound socket: on `wanted`, else on 6443, else on the next one when other clusters of fairlead hold those. Throws CliError. */
export async function reserveApiPort(wanted: number | undefined): Promise<ApiPort> {
  const first = wanted ?? defaultApiPort;
  for (let port = first; port < first + portsTried; port++) {
    const isOurs = await claim(port);
    const fd = isOurs ? bindPort(port) : undefined;
    if (fd !== undefined) return { port, fd };
    if (wanted === undefined && (!isOurs || (await isFairlead(port)))) continue;
    throw new CliError(
      `Port ${port} on 127.0.0.1 is in use by another program: stop that, or choose another port with --api-port.`,
    );
  }
  throw new CliError(
    `No port between ${first} and ${first + portsTried - 1} on 127.0.0.1 is free: choose one with --api-port.`,
  );
}
