/** The node's HTTPS server, as the API server knows a kubelet's: logs, streams, health, the Pods that run here. */
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { Pod } from "../../api/object.ts";
import type { AgentConfig } from "../agent-config.ts";
import { parseLogQuery } from "../logs/log-query.ts";
import type { StreamServerOptions } from "../streams/upgrade.ts";
import { sendFolder } from "./folder.ts";
import { type LogStreamOptions, streamLog } from "./log-stream.ts";
import { nodeMetrics } from "./node-metrics.ts";

export interface ContainerLog extends Pick<LogStreamOptions, "path" | "running" | "onChange"> {}

export interface ServerOptions extends StreamServerOptions {
  readonly config: Pick<AgentConfig, "nodeName" | "nodeIps" | "server" | "dataDir">;
  readonly signal: AbortSignal;
  readonly pods: () => Iterable<Pod>;
  /** A sentence when there is no such log. */
  readonly findLog: (target: {
    namespace: string;
    pod: string;
    container: string;
    previous: boolean;
  }) => ContainerLog | { readonly status: number; readonly message: string };
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`);
}

async function sendLog(url: URL, response: ServerResponse, { findLog, log }: ServerOptions): Promise<void> {
  const [, , namespace = "", pod = "", container = ""] = url.pathname.split("/").map(decodeURIComponent);
  let query: ReturnType<typeof parseLogQuery>;
  try {
    query = parseLogQuery(url.searchParams, Date.now());
  } catch (error) {
    return sendText(response, 400, error instanceof Error ? error.message : String(error));
  }
  const found = findLog({ namespace, pod, container, previous: query.previous });
  if ("status" in found) return sendText(response, found.status, found.message);
  const closed = new AbortController();
  response.on("close", () => closed.abort());
  response.writeHead(200, { "content-type": "text/plain" });
  response.flushHeaders();
  try {
    await streamLog({ ...found, query, out: response, signal: closed.signal });
  } catch (error) {
    log.warn("log could not be sent", { pod: `${namespace}/${pod}`, container, error });
  }
  response.end();
}

function sendPods(response: ServerResponse, pods: Iterable<Pod>): void {
  const list = { kind: "PodList", apiVersion: "v1", metadata: {}, items: [...pods] };
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(list));
}

function handle(request: IncomingMessage, response: ServerResponse, options: ServerOptions): void {
  const url = new URL(request.url ?? "/", "https://node");
  if (/^\/(exec|attach|portForward)\//.test(url.pathname)) sendText(response, 400, "Upgrade request required");
  else if (request.method !== "GET") sendText(response, 405, "only GET is allowed");
  else if (url.pathname === "/healthz") sendText(response, 200, "ok");
  else if (url.pathname === "/metrics") sendText(response, 200, nodeMetrics(options.config.nodeName, options.pods()));
  else if (url.pathname.startsWith("/logs/"))
    sendFolder(response, join(options.config.dataDir, "logs"), url.pathname.slice(5));
  else if (url.pathname === "/pods") sendPods(response, options.pods());
  else if (url.pathname.startsWith("/containerLogs/")) void sendLog(url, response, options);
  else sendText(response, 404, "404 page not found");
}

/** Loaded when the first one asks: most nodes never need it. */
async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, options: ServerOptions): Promise<void> {
  const { serveUpgrade } = await import("../streams/upgrade.ts");
  await serveUpgrade({ request, url: new URL(request.url ?? "/", "https://node"), socket, head }, options);
}

/** Resolves when it listens; it ends when `signal` aborts. Clients need a certificate of the cluster's authority. */
export function startServer(options: ServerOptions): Promise<void> {
  const { config, log, signal } = options;
  const { port, caFile, certFile, keyFile } = config.server;
  const server = createServer(
    {
      ca: readFileSync(caFile),
      cert: readFileSync(certFile),
      key: readFileSync(keyFile),
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: "TLSv1.2",
    },
    (request, response) => handle(request, response, options),
  );
  const upgraded = new Set<Duplex>();
  server.on("upgrade", (request, socket, head) => {
    upgraded.add(socket);
    socket.once("close", () => upgraded.delete(socket));
    void upgrade(request, socket, head, options).catch((error) => {
      log.warn("stream could not be served", { error });
      socket.destroy();
    });
  });
  server.on("tlsClientError", (error) => log.debug("client refused", { error }));
  signal.addEventListener("abort", () => {
    server.close();
    server.closeAllConnections();
    for (const socket of upgraded) socket.destroy();
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, config.nodeIps[0], () => resolve());
  });
}
