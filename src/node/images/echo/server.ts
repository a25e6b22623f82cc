/**
 * The image fairlead/echo: a small server that says which Pod answered. HTTP: `/` gives "<pod name>\n", `/json` the request
 * as the server saw it, `/healthz` "ok", `/readyz` "ok" until POST `/readyz?ready=false`. TCP and UDP: the name, then what came.
 * Environment: PORT (HTTP, default 8080), TCP_PORT (default PORT + 1), UDP_PORT (default PORT), POD_NAME (default: the host name).
 * DRAIN_MS (default 500): how long it goes on serving after SIGTERM.
 * Arguments: --port=, --tcp-port=, --udp-port=.
 */
import { createSocket } from "node:dgram";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { hostname } from "node:os";

// An import of node:http would evaluate all of its exports, WebSocket among them: 35 ms and 7 MB more.
const { createServer: createHttpServer } = process.getBuiltinModule("node:http");

const name = process.env.POD_NAME || hostname();

function port(option: string, variable: string, fallback: number): number {
  const argument = process.argv.find((text) => text.startsWith(`--${option}=`))?.split("=")[1];
  const text = argument ?? process.env[variable];
  // Service variables may hold PORT-like names with URLs as values.
  const value = text === undefined || /:\/\//.test(text) ? fallback : Number(text);
  if (Number.isInteger(value) && value >= 0 && value < 65_536) return value;
  process.stderr.write(`Cannot use ${option} "${text}": must be a number from 0 to 65535\n`);
  return process.exit(2);
}

const httpPort = port("port", "PORT", 8080);
const tcpPort = port("tcp-port", "TCP_PORT", httpPort + 1);
const udpPort = port("udp-port", "UDP_PORT", httpPort);

/** How long connections are still taken after SIGTERM: until then every node has learned that this Pod is going. */
const drainMs = Number(process.env.DRAIN_MS ?? 500);

let ready = true;
let ending = false;

function describe(request: IncomingMessage): string {
  const { socket, method, url, headers } = request;
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  const node = process.env.NODE_NAME;
  return `${JSON.stringify({ pod: name, node, method, url, headers, remoteAddress, remotePort, localAddress, localPort })}\n`;
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://echo");
  const send = (status: number, body: string, type = "text/plain") =>
    response
      // Before the end, clients that keep their connection are sent to look for another Pod.
      .writeHead(status, {
        "content-type": type,
        "content-length": Buffer.byteLength(body),
        ...(ending ? { connection: "close" } : {}),
      })
      .end(body);
  if (pathname === "/json") return void send(200, describe(request), "application/json");
  if (pathname === "/healthz") return void send(200, "ok\n");
  if (pathname === "/readyz") {
    if (request.method === "POST") ready = searchParams.get("ready") !== "false";
    return void send(ready ? 200 : 503, ready ? "ok\n" : "not ready\n");
  }
  send(200, `${name}\n`);
}

const http = createHttpServer(answer).listen(httpPort);
const tcp = createTcpServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.write(`${name}\n`);
  socket.pipe(socket);
}).listen(tcpPort);
// The answer comes from the address that was asked: a socket on all addresses of IPv4 and IPv6.
const udp = createSocket({ type: "udp6", ipv6Only: false });
udp.on("message", (message, from) => udp.send(`${name}\n${message}`, from.port, from.address));
udp.bind(udpPort);

for (const server of [http, tcp, udp]) {
  server.on("error", (error: Error) => {
    process.stderr.write(`Cannot listen: ${error.message}\n`);
    process.exit(1);
  });
}
process.stdout.write(`${name} answers HTTP on ${httpPort}, TCP on ${tcpPort}, UDP on ${udpPort}\n`);

/** The first process of a pid namespace gets no default action: without this it would only end by SIGKILL. */
function stop(): void {
  ending = true;
  setTimeout(() => process.exit(0), drainMs);
}
process.once("SIGTERM", stop);
process.once("SIGINT", () => process.exit(0));
