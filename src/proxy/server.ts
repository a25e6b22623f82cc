/** The proxy's HTTP listeners: health on :10256, metrics on 127.0.0.1:10249. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Health } from "./health.ts";
import type { ProxyMetrics } from "./metrics.ts";

const retryMs = 5_000;

export interface ServerOptions {
  readonly health: Health;
  readonly metrics: ProxyMetrics;
  readonly mode: string;
  /** The data plane's own pages. */
  readonly pages?: Readonly<Record<string, () => string>> | undefined;
  readonly config: unknown;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Serves /healthz (with the node's eligibility) and /livez. */
export function serveHealth(address: string, options: ServerOptions): void {
  const { health, metrics, clock } = options;
  listen(address, options, (request, response) => {
    const path = request.url?.split("?")[0];
    if (path !== "/healthz" && path !== "/livez") {
      response.writeHead(404).end();
      return;
    }
    const { status, body } = health.answer(clock.now(), path === "/healthz");
    metrics.answered(path === "/healthz" ? "healthz" : "livez", status);
    response.writeHead(status, { "Content-Type": "application/json", "X-Content-Type-Options": "nosniff" });
    response.end(JSON.stringify(body));
  });
}

/** Serves /metrics, /proxyMode, /configz, /healthz (always ok) and the data plane's own pages. */
export function serveMetrics(address: string, options: ServerOptions): void {
  const { metrics, mode, config, pages } = options;
  const plain: Readonly<Record<string, () => string | Promise<string>>> = {
    ...pages,
    "/metrics": () => metrics.registry.metrics(),
    "/proxyMode": () => mode,
    "/healthz": () => "ok",
    "/configz": () => JSON.stringify({ "kubeproxy.config.k8s.io": config }),
  };
  listen(address, options, async (request, response) => {
    const answer = plain[request.url?.split("?")[0] ?? ""];
    if (!answer) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "Content-Type": "text/plain; charset=utf-8" }).end(await answer());
  });
}

/** Listens until the signal aborts; an address that is taken is tried again. "" is no listener. */
function listen(address: string, { log, clock, signal }: ServerOptions, handler: RequestListener): void {
  if (!address || signal.aborted) return;
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  const port = Number(address.slice(colon + 1));
  const server: Server = createServer(handler);
  const open = () => {
    if (!signal.aborted) server.listen(port, host);
  };
  server.on("error", (error) => {
    log.warn("cannot listen", { address, error, retryInMs: retryMs });
    clock.after(retryMs, open);
  });
  signal.addEventListener("abort", () => void server.close(), { once: true });
  open();
}
