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
  /** Why this mode, for /proxyMode/reason. */
  readonly modeReason?: string;
  /** The data plane's own pages. */
  readonly pages?: Readonly<Record<string, () => string>> | undefined;
  /** What /configz shows. */
  readonly config: unknown;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** An address cannot be listened on; it is tried again every 5 s. */
  readonly onFailure?: (error: Error) => void;
}

/** Serves /healthz (with the node's eligibility), /livez, and /readyz: everything that was there at the start is written. */
export function serveHealth(address: string, options: ServerOptions): void {
  const { health, metrics, clock } = options;
  const answers: Readonly<Record<string, () => ReturnType<Health["answer"]>>> = {
    "/healthz": () => health.answer(clock.elapsed(), true, clock.now()),
    "/livez": () => health.answer(clock.elapsed(), false, clock.now()),
    "/readyz": () => health.readiness(),
  };
  listen(address, options, (request, response) => {
    const path = request.url?.split("?")[0] ?? "";
    const answer = answers[path];
    if (!answer) {
      response.writeHead(404).end();
      return;
    }
    const { status, body } = answer();
    if (path !== "/readyz") metrics.answered(path === "/healthz" ? "healthz" : "livez", status);
    response.writeHead(status, { "Content-Type": "application/json", "X-Content-Type-Options": "nosniff" });
    response.end(JSON.stringify(body));
  });
}

/** Serves /metrics, /metrics/slis, /proxyMode, /configz, /healthz (always ok) and the data plane's own pages. */
export function serveMetrics(address: string, options: ServerOptions): void {
  const { metrics, mode, modeReason = "as told", config, pages } = options;
  const plain: Readonly<Record<string, () => string | Promise<string>>> = {
    ...pages,
    "/metrics": () => metrics.format(),
    "/metrics/slis": () => indicators(options),
    "/proxyMode": () => mode,
    "/proxyMode/reason": () => modeReason,
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

/** Kubernetes' component health indicators (KEP-3466). */
function indicators({ health, clock }: ServerOptions): string {
  const now = clock.elapsed();
  const states: readonly (readonly [string, boolean])[] = [
    ["healthz", health.answer(now, true).status === 200],
    ["livez", health.answer(now, false).status === 200],
    ["readyz", health.isSynced],
  ];
  return [
    "# HELP kubernetes_healthcheck Result of a health check",
    "# TYPE kubernetes_healthcheck gauge",
    ...states.map(([type, ok]) => `kubernetes_healthcheck{name="proxy",type="${type}"} ${ok ? 1 : 0}`),
    "",
  ].join("\n");
}

/** Listens until the signal aborts; an address that is taken is tried again. "" is no listener. */
function listen(
  address: string,
  { log, clock, signal, onFailure = () => {} }: ServerOptions,
  handler: RequestListener,
): void {
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
    onFailure(error);
    clock.after(retryMs, open);
  });
  signal.addEventListener("abort", () => void server.close(), { once: true });
  open();
}
