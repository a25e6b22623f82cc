/**
 * Asks webhooks over HTTPS: at a URL, or behind a Service of the cluster, one of whose ready Pods is connected to. Sources: Kubernetes
 * "Dynamic Admission Control", contacting the webhook; the texts of failures are those of Go's HTTP client, which people know.
 */
import { Agent, request as httpsRequest } from "node:https";
import type { WebhookClient } from "../api/kinds/_webhook-client.ts";
import { ApiFault } from "../api/status.ts";
import type { ServerContext } from "./context.ts";
import { serviceTarget } from "./subresources/proxy-target.ts";

export interface Webhooks {
  /** The JSON that the webhook answers. Rejects with an Error that says what went wrong, in one sentence. */
  post(client: WebhookClient, body: object, timeoutSeconds: number): Promise<unknown>;
}

const maxAnswerBytes = 32 * 1024 * 1024;
const idleMs = 30_000;
const defaultPort = 443;

interface Target {
  readonly host: string;
  readonly port: number;
  /** The name that its certificate must have; undefined: that of the host. */
  readonly servername?: string;
}

/** The address that failures name, and that the request is for. */
function urlOf({ url, service }: WebhookClient, timeoutSeconds: number): URL {
  const { name, namespace, port = defaultPort, path = "" } = service ?? {};
  const base = service ? `https://${name}.${namespace}.svc:${port}/${path.replace(/^\//, "")}` : (url ?? "");
  const whole = new URL(base);
  whole.search = `?timeout=${timeoutSeconds}s`;
  return whole;
}

/** As Go writes it: with the port of a Service even if it is the usual one. */
const shownUrl = (url: URL, { service }: WebhookClient): string =>
  service && !url.port ? url.href.replace(url.host, `${url.host}:${defaultPort}`) : url.href;

async function targetOf(server: ServerContext, { service }: WebhookClient, url: URL): Promise<Target> {
  const port = Number(url.port) || defaultPort;
  if (!service) return { host: url.hostname.replace(/^\[|\]$/g, ""), port };
  const { namespace = "", name = "" } = service;
  return { ...(await serviceAddress(server, { namespace, name, port })), servername: url.hostname };
}

async function serviceAddress(
  server: ServerContext,
  { namespace, name, port }: { namespace: string; name: string; port: number },
): Promise<{ host: string; port: number }> {
  const kind = server.kindOf("", "v1", "services");
  if (!kind) throw new Error("Services are not served");
  try {
    return await serviceTarget(server, { kind, namespace, scheme: "https", name, port: String(port) });
  } catch (error) {
    if (error instanceof ApiFault && error.status.code === 404)
      throw new Error(`service ${JSON.stringify(name)} not found`);
    throw error;
  }
}

const untrusted = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** A failure of the connection, in the words of Go's HTTP client. */
function failureText(error: Error & { code?: string }, { host, port }: { host: string; port: number }): string {
  const { code = "", message } = error;
  const place = `dial tcp ${host.includes(":") ? `[${host}]` : host}:${port}`;
  const verify = "tls: failed to verify certificate: x509:";
  if (untrusted.has(code)) return `${verify} certificate signed by unknown authority`;
  switch (code) {
    case "ECONNREFUSED":
      return `${place}: connect: connection refused`;
    case "EHOSTUNREACH":
      return `${place}: connect: no route to host`;
    case "ENETUNREACH":
      return `${place}: connect: network is unreachable`;
    case "ETIMEDOUT":
      return `${place}: i/o timeout`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `dial tcp: lookup ${host}: no such host`;
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return `${verify} certificate has expired or is not yet valid`;
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return `${verify} ${message}`;
    case "ECONNRESET":
      return "EOF";
    default:
      return message;
  }
}

/** What client-go makes of an answer that is no success. */
function statusText(code: number, body: string): string {
  const known: Readonly<Record<number, string>> = {
    400: "the server rejected our request for an unknown reason",
    401: "the server has asked for the client to provide credentials",
    403: "forbidden",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    413: "the request was too large",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted, but may still be processing the request",
  };
  try {
    const { kind, message } = JSON.parse(body) as { kind?: string; message?: string };
    if (kind === "Status" && message) return message;
  } catch {
    // The usual words stand in.
  }
  const text = known[code];
  if (text) return text;
  if (code >= 500)
    return `an error on the server (${JSON.stringify(body.slice(0, 2048))}) has prevented the request from succeeding`;
  return `the server responded with the status code ${code} but did not return more information`;
}

interface Exchange {
  readonly target: Target;
  readonly url: URL;
  readonly ca: string | undefined;
  readonly text: string;
  readonly timeoutMs: number;
  readonly agent: Agent;
}

function exchange({ target, url, ca, text, timeoutMs, agent }: Exchange): Promise<{ code: number; body: string }> {
  const { host, port, servername } = target;
  const path = url.pathname + url.search;
  const headers = {
    host: url.host,
    accept: "application/json, */*",
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    "user-agent": "kube-apiserver-admission",
  };
  return new Promise((resolve, reject) => {
    const options = {
      host,
      port,
      path,
      method: "POST",
      headers,
      agent,
      ...(servername ? { servername } : {}),
      ...(ca ? { ca } : {}),
    };
    const asked = httpsRequest(options, (answer) => {
      const chunks: Buffer[] = [];
      let size = 0;
      answer.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > maxAnswerBytes) asked.destroy(new Error("the answer is too large"));
        else chunks.push(chunk);
      });
      answer.on("error", reject);
      answer.on("end", () => resolve({ code: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    const timer = setTimeout(() => asked.destroy(new Error("context deadline exceeded")), timeoutMs);
    asked.once("close", () => clearTimeout(timer));
    asked.on("error", (error) => reject(Object.assign(error, { reused: asked.reusedSocket })));
    asked.end(text);
  });
}

/** A connection that was kept may have been closed just now: then a new one is made, once. */
async function exchangeTwice(one: Exchange): Promise<{ code: number; body: string }> {
  try {
    return await exchange(one);
  } catch (error) {
    const { reused, code } = error as { reused?: boolean; code?: string };
    if (!reused || code !== "ECONNRESET") throw error;
    return exchange(one);
  }
}

export function createWebhooks(server: () => ServerContext, signal: AbortSignal): Webhooks {
  const agent = new Agent({ keepAlive: true, timeout: idleMs, scheduling: "fifo" });
  signal.addEventListener("abort", () => agent.destroy(), { once: true });
  return {
    async post(client, review, timeoutSeconds) {
      const url = urlOf(client, timeoutSeconds);
      const failed = (why: string): Error => new Error(`Post ${JSON.stringify(shownUrl(url, client))}: ${why}`);
      const target = await targetOf(server(), client, url).catch((error: Error) => {
        throw failed(error.message);
      });
      const ca = client.caBundle?.trim() ? Buffer.from(client.caBundle, "base64").toString() : undefined;
      const one = { target, url, ca, text: JSON.stringify(review), timeoutMs: timeoutSeconds * 1000, agent };
      const { code, body } = await exchangeTwice(one).catch((error: Error) => {
        throw failed(failureText(error, target));
      });
      if (code < 200 || code > 299) throw new Error(statusText(code, body));
      try {
        return JSON.parse(body);
      } catch (error) {
        throw new Error(`couldn't get version/kind; json parse error: ${(error as Error).message}`);
      }
    },
  };
}
