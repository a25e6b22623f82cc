/** exec, attach and port-forward as the node's server is asked for them: WebSocket or SPDY/3.1 instead of an HTTP answer. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { createWebSocketStream, type WebSocket, WebSocketServer } from "ws";
import type { Log } from "../../lib/log.ts";
import type { ContainerInfo, ContainerRuntime } from "../runtime/container-runtime.ts";
import type { DialPort } from "../sandbox/port.ts";
import { statusOfError } from "./exec-status.ts";
import { type Dial, portForwardProtocol, serveChannels, servePortForward } from "./port-forward.ts";
import { serveAttach } from "./serve-attach.ts";
import { serveExec } from "./serve-exec.ts";
import type { Session, StreamOptions } from "./session.ts";
import { chooseSpdyProtocol, spdyProtocols, spdySession } from "./spdy-session.ts";
import { WebSocketChannels } from "./web-socket-channels.ts";
import { chooseWebSocketProtocol, webSocketProtocols, webSocketSession } from "./web-socket-session.ts";

export interface Refusal {
  readonly status: number;
  readonly message: string;
}

export interface StreamTargets {
  container(target: { namespace: string; pod: string; container: string }): ContainerInfo | Refusal;
  /** The Pod's network namespace; `path` is undefined for the node's own. */
  network(target: { namespace: string; pod: string }): { readonly path: string | undefined } | Refusal;
}

export interface StreamServerOptions {
  readonly runtime: ContainerRuntime;
  readonly targets: StreamTargets;
  readonly port: DialPort;
  readonly log: Log;
}

/** A request that asks for another protocol, with its connection. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly url: URL;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** SPDY of the port-forward protocol inside of a WebSocket: kubectl from 1.31 on. */
const tunnelProtocol = `SPDY/3.1+${portForwardProtocol}`;
const messageLimitBytes = 16 * 1024 * 1024;

const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: messageLimitBytes });
/** The names of the protocols are ours to choose: those of Kubernetes are no tokens, as the library demands. */
const chosen = new WeakMap<IncomingMessage, string>();
server.on("headers", (headers, request) => {
  const name = chosen.get(request);
  if (name !== undefined) headers.push(`Sec-WebSocket-Protocol: ${name}`);
});

const listOf = (header: string | readonly string[] | undefined): string[] =>
  String(header ?? "")
    .split(",")
    .map((word) => word.trim())
    .filter(Boolean);

function answer(socket: Duplex, { status, message }: Refusal, headers: readonly string[] = []): void {
  const body = `${message}\n`;
  const lines = [
    `HTTP/1.1 ${status} ${status === 404 ? "Not Found" : "Refused"}`,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
    ...headers,
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

function refuseProtocol(socket: Duplex, offered: readonly string[], accepted: readonly string[]): undefined {
  const message = `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(" ")}], server accepts [${accepted.join(" ")}]`;
  const headers = accepted.map((name) => `X-Accepted-Stream-Protocol-Versions: ${name}`);
  answer(socket, { status: 403, message }, headers);
  return undefined;
}

function acceptWebSocket({ request, socket, head }: Upgrade, protocol: string | undefined): Promise<WebSocket> {
  // Already chosen, and not all names would pass.
  delete request.headers["sec-websocket-protocol"];
  if (protocol !== undefined) chosen.set(request, protocol);
  return new Promise((resolve) => server.handleUpgrade(request, socket, head, resolve));
}

/** The 101 of SPDY; what came with the request is read from the connection again. */
function acceptSpdy({ socket, head }: Upgrade, protocol: string): void {
  if (head.length > 0) socket.unshift(head);
  const lines = ["Connection: Upgrade", "Upgrade: SPDY/3.1", `X-Stream-Protocol-Version: ${protocol}`];
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("\r\n")}\r\n\r\n`);
}

const isWebSocket = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === "websocket";
const isSpdy = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === "spdy/3.1";

/** Undefined: it was refused. */
async function openSession(upgrade: Upgrade, options: StreamOptions): Promise<Session | undefined> {
  const { request, socket } = upgrade;
  if (isWebSocket(request)) {
    const offered = listOf(request.headers["sec-websocket-protocol"]);
    const protocol = chooseWebSocketProtocol(offered);
    if (!protocol) return refuseProtocol(socket, offered, webSocketProtocols);
    return webSocketSession(await acceptWebSocket(upgrade, protocol.name), protocol, options);
  }
  const offered = listOf(request.headers["x-stream-protocol-version"]);
  const protocol = chooseSpdyProtocol(offered);
  if (!protocol) return refuseProtocol(socket, offered, spdyProtocols);
  acceptSpdy(upgrade, protocol);
  return spdySession(socket, protocol, options);
}

/** Parameters as the kubelet has them; undefined: no stream is asked for. */
function parseOptions(query: URLSearchParams): StreamOptions | undefined {
  const asks = (name: string): boolean => /^(1|true)$/i.test(query.get(name) ?? "");
  const tty = asks("tty");
  const options = { stdin: asks("input"), stdout: asks("output"), stderr: asks("error") && !tty, tty };
  return options.stdin || options.stdout || options.stderr ? options : undefined;
}

async function serveContainer(upgrade: Upgrade, kind: "exec" | "attach", all: StreamServerOptions): Promise<void> {
  const { url, socket } = upgrade;
  const [, , namespace = "", pod = "", container = ""] = url.pathname.split("/").map(decodeURIComponent);
  const found = all.targets.container({ namespace, pod, container });
  if ("status" in found) return answer(socket, found);
  const options = parseOptions(url.searchParams);
  if (!options) {
    return answer(socket, { status: 400, message: "you must specify at least 1 of stdin, stdout, stderr" });
  }
  if (kind === "exec") return exec(upgrade, found, options, all);
  // A terminal is the container's own or it is none.
  const session = await openSession(upgrade, options);
  if (session) await serveAttach(session, found.id, all.runtime);
}

async function exec(
  upgrade: Upgrade,
  { id, name }: ContainerInfo,
  options: StreamOptions,
  { runtime }: StreamServerOptions,
): Promise<void> {
  const argv = upgrade.url.searchParams.getAll("command");
  if (argv.length === 0) return answer(upgrade.socket, { status: 400, message: "you must specify a command" });
  if (runtime.get(id)?.state.kind !== "running") {
    return answer(upgrade.socket, { status: 404, message: `container not found ("${name}")` });
  }
  const session = await openSession(upgrade, options);
  if (!session) return;
  const process = await runtime.openExec(id, argv, options).catch((error: Error) => error);
  if (process instanceof Error) await session.finish(statusOfError(process.message));
  else if (process) await serveExec(session, process);
  else await session.finish(statusOfError(`container "${name}" has just ended`));
}

async function servePod(upgrade: Upgrade, { targets, port }: StreamServerOptions): Promise<void> {
  const { url, socket, request } = upgrade;
  const [, , namespace = "", pod = ""] = url.pathname.split("/").map(decodeURIComponent);
  const network = targets.network({ namespace, pod });
  if ("status" in network) return answer(socket, network);
  const dial: Dial = (number, family) => port.dialLoopback(network.path, number, family);
  if (!isWebSocket(request)) {
    acceptSpdy(upgrade, portForwardProtocol);
    return servePortForward(socket, dial);
  }
  const offered = listOf(request.headers["sec-websocket-protocol"]);
  if (offered.includes(tunnelProtocol)) {
    return servePortForward(createWebSocketStream(await acceptWebSocket(upgrade, tunnelProtocol)), dial);
  }
  const ports = url.searchParams.getAll("port").flatMap((text) => text.split(",").map(Number));
  const name = ["v4.channel.k8s.io", "v4.base64.channel.k8s.io"].find((one) => offered.includes(one));
  if (name === undefined && offered.length > 0) return refuseProtocol(socket, offered, [tunnelProtocol]);
  if (ports.length === 0 || ports.some((one) => !Number.isInteger(one) || one < 1 || one > 65535)) {
    return answer(socket, { status: 400, message: 'query parameter "port" must be a port, or several' });
  }
  const channels = new WebSocketChannels(await acceptWebSocket(upgrade, name), { base64: /base64/.test(name ?? "") });
  await serveChannels(channels, ports, dial);
}

const routes: Readonly<Record<string, (upgrade: Upgrade, options: StreamServerOptions) => Promise<void>>> = {
  exec: (upgrade, options) => serveContainer(upgrade, "exec", options),
  attach: (upgrade, options) => serveContainer(upgrade, "attach", options),
  portForward: servePod,
};

/** Takes over the connection; never rejects. */
export async function serveUpgrade(upgrade: Upgrade, options: StreamServerOptions): Promise<void> {
  const { request, socket, url } = upgrade;
  socket.on("error", () => socket.destroy());
  const serve = routes[url.pathname.split("/")[1] ?? ""];
  if (!serve) return answer(socket, { status: 404, message: "404 page not found" });
  if (!isWebSocket(request) && !isSpdy(request)) {
    return answer(socket, { status: 400, message: "only WebSocket and SPDY/3.1 are spoken here" });
  }
  try {
    await serve(upgrade, options);
  } catch (error) {
    options.log.debug("stream ended early", { path: url.pathname, error });
    socket.destroy();
  }
}
