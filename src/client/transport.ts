/** HTTP exchanges with the API server over kept-alive connections: authentication, time-outs and the retries that are safe. */
import http from "node:http";
import https from "node:https";
import type { Duplex } from "node:stream";
import { createSecureContext } from "node:tls";
import { type BackoffOptions, backoffMs } from "../lib/backoff.ts";
import { systemClock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { sleep } from "../lib/sleep.ts";

/** Where an API server is and how to speak to it, e.g. `{ server: "https://127.0.0.1:6443", ca, cert, key, namespace: "default" }`. */
export interface ClientConfig {
  readonly server: string;
  /** PEM. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Bearer token, or a function that reads the present one (files of projected tokens change). */
  readonly token?: string | (() => Promise<string>) | undefined;
  readonly insecureSkipTlsVerify?: boolean | undefined;
  readonly tlsServerName?: string | undefined;
  /** Opens a connection to an API server in this process, instead of one to `server` ("http://…"). */
  readonly connect?: (() => Duplex) | undefined;
  /** Where the user works unless told otherwise. */
  readonly namespace: string;
}

export interface TransportOptions {
  readonly userAgent: string;
  readonly log: Log;
  /** Ends all requests and retries. */
  readonly signal?: AbortSignal | undefined;
  /** For a whole exchange other than a watch; default 30 s. */
  readonly timeoutMs?: number | undefined;
}

interface RequestOptions {
  readonly method: string;
  /** With query. */
  readonly path: string;
  readonly body?: Buffer | undefined;
  readonly contentType?: string | undefined;
  /** Default JSON. */
  readonly accept?: string | undefined;
}

export interface Response {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Transport {
  request(options: RequestOptions): Promise<Response>;
  /**
   * A GET whose body is read as it comes, on a socket of its own; ends when `signal` aborts, and with an error when
   * nothing comes for `silenceMs`.
   */
  stream(
    request: Pick<RequestOptions, "path" | "accept">,
    signal: AbortSignal,
    silenceMs?: number,
  ): Promise<http.IncomingMessage>;
}

const defaultTimeoutMs = 30_000;
/** Kept connections; further requests wait for one of them, which is faster than another handshake. */
const maxConnections = 24;
/** Of one exchange, the first included. */
const maxAttempts = 6;
const refusedBackoff: BackoffOptions = { initialMs: 50, maxMs: 1_000, jitter: 0.3 };
const maxRetryAfterSec = 30;

export function createTransport(config: ClientConfig, options: TransportOptions): Transport {
  const url = new URL(config.server);
  const secure = url.protocol === "https:";
  const base = url.pathname.replace(/\/$/, "");
  const tls = secure
    ? {
        // Made once: reading certificates anew for each connection would cost more than the handshake.
        secureContext: createSecureContext({ ca: config.ca, cert: config.cert, key: config.key }),
        rejectUnauthorized: !config.insecureSkipTlsVerify,
        ...(config.tlsServerName ? { servername: config.tlsServerName } : {}),
      }
    : {};
  const newAgent = (keepAlive: boolean) => {
    const limits = keepAlive ? { maxSockets: maxConnections, maxFreeSockets: maxConnections } : {};
    const agentOptions = { keepAlive, noDelay: true, ...limits, ...tls };
    const agent = secure ? new https.Agent(agentOptions) : new http.Agent(agentOptions);
    if (config.connect) agent.createConnection = config.connect;
    return agent;
  };
  const agents = { kept: newAgent(true), own: newAgent(false) };
  const send = secure ? https.request : http.request;
  const never = new AbortController().signal;
  const { userAgent, signal = never, timeoutMs = defaultTimeoutMs } = options;

  /** Resolves with the answer's head. */
  const open = async (
    { method, path, body, contentType, accept = "application/json" }: RequestOptions,
    { agent, signal }: { agent: http.Agent; signal: AbortSignal },
  ): Promise<http.IncomingMessage> => {
    const headers: http.OutgoingHttpHeaders = { "user-agent": userAgent, accept };
    if (body) headers["content-length"] = body.length;
    if (body) headers["content-type"] = contentType ?? "application/json";
    const token = typeof config.token === "function" ? await config.token() : config.token;
    if (token) headers.authorization = `Bearer ${token}`;
    return new Promise((resolve, reject) => {
      const hostname = url.hostname.replace(/^\[|\]$/g, "");
      const target = { hostname, port: url.port, method, path: base + path, headers, agent, signal };
      const request = send(target, resolve);
      request.on("error", reject);
      request.end(body);
    });
  };

  /** Requests under way, to end with the client. (A signal combined for each request would cost more than the rest.) */
  const underWay = new Set<AbortController>();
  signal.addEventListener("abort", () => {
    for (const controller of underWay) controller.abort(signal.reason);
  });

  const exchange = async (request: RequestOptions): Promise<Response> => {
    signal.throwIfAborted();
    const controller = new AbortController();
    underWay.add(controller);
    const what = `Cannot ${request.method} ${config.server}${request.path}`;
    const late = new Error(`${what}: no answer in ${timeoutMs / 1000} s`);
    const timer = setTimeout(() => controller.abort(late), timeoutMs);
    try {
      const message = await open(request, { agent: agents.kept, signal: controller.signal });
      const chunks: Buffer[] = [];
      for await (const chunk of message) chunks.push(chunk);
      return { status: message.statusCode ?? 0, headers: message.headers, body: Buffer.concat(chunks) };
    } catch (error) {
      throw controller.signal.reason === late ? late : error;
    } finally {
      clearTimeout(timer);
      underWay.delete(controller);
    }
  };

  return {
    async request(request) {
      for (let attempt = 1; ; attempt++) {
        const outcome = await exchange(request).catch((error: NodeJS.ErrnoException) => error);
        const waitMs =
          attempt < maxAttempts && !signal.aborted ? retryWaitMs(request.method, outcome, attempt) : undefined;
        if (waitMs === undefined) {
          if (outcome instanceof Error) throw outcome;
          return outcome;
        }
        options.log.debug("request is tried again", { method: request.method, path: request.path, waitMs });
        await sleep(waitMs, { clock: systemClock, signal });
      }
    },
    stream: (request, own) =>
      open({ method: "GET", ...request }, { agent: agents.own, signal: AbortSignal.any([signal, own]) }),
  };
}

/**
 * The wait before the same request may be sent again; undefined: it may not. Safe are: a connection that was never
 * made, a 429 (the server did nothing), and for reads a connection that broke.
 */
function retryWaitMs(method: string, outcome: NodeJS.ErrnoException | Response, attempt: number): number | undefined {
  if (outcome instanceof Error) {
    const refused = outcome.code === "ECONNREFUSED";
    const broken = method === "GET" && (outcome.code === "ECONNRESET" || outcome.code === "EPIPE");
    return refused || broken ? backoffMs(attempt, refusedBackoff) : undefined;
  }
  if (outcome.status !== 429) return undefined;
  const retryAfterSec = Number(outcome.headers["retry-after"] ?? 1);
  return Number.isFinite(retryAfterSec) ? Math.min(maxRetryAfterSec, Math.max(0, retryAfterSec)) * 1000 : 1000;
}
