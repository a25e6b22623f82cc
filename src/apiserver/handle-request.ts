/** One HTTP request: who, what, may they, do it, answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import {
  badRequest,
  forbidden,
  forbiddenPath,
  methodNotAllowed,
  noSuchPath,
  tooLarge,
  unauthorized,
} from "../api/status.ts";
import { authenticate } from "./authenticate.ts";
import { authorize, refusal } from "./authorize.ts";
import { maxBodyBytes, readBody } from "./body.ts";
import type { ServerContext } from "./context.ts";
import { handlerOf } from "./dispatch.ts";
import type { Metrics } from "./metrics.ts";
import { type ApiRequest, parseResourcePath, type User, verbOf } from "./request.ts";
import { faultOf, send, sendReply, sendStatus } from "./respond.ts";
import type { createStaticPaths } from "./static-paths.ts";

export interface Edge {
  readonly server: ServerContext;
  readonly metrics: Metrics;
  readonly staticPaths: ReturnType<typeof createStaticPaths>;
}

/** The request without its body: enough to decide whether it is served and allowed. */
type Head = Omit<ApiRequest, "body">;

function userOf(request: IncomingMessage): User {
  const user = authenticate(request.socket as TLSSocket);
  if (user === "invalid") throw unauthorized();
  return user;
}

function headOf(request: IncomingMessage, url: URL, { server }: Edge): Head | undefined {
  const path = parsePath(url.pathname);
  const kind = path && server.kindOf(path.group, path.version, path.plural);
  if (!path || !kind || path.rest.length > 0) return undefined;
  if (path.namespace !== undefined && !kind.namespaced) return undefined;
  const verb = verbOf(request.method ?? "GET", path, url.searchParams);
  if (!verb) throw methodNotAllowed(kind, String(request.method).toLowerCase());
  return {
    verb,
    kind,
    namespace: path.namespace,
    name: path.name,
    subresource: path.subresource,
    query: url.searchParams,
    user: userOf(request),
    userAgent: request.headers["user-agent"] ?? "",
    contentType: request.headers["content-type"] ?? "",
    accept: String(request.headers.accept ?? ""),
  };
}

function parsePath(pathname: string): ReturnType<typeof parseResourcePath> {
  try {
    return parseResourcePath(pathname);
  } catch {
    throw badRequest("Cannot read the URL: it has a broken % escape");
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  if (request.method === "GET" || request.method === "HEAD") return Buffer.alloc(0);
  const body = await readBody(request);
  if (body === "too-large") throw tooLarge(maxBodyBytes);
  return body;
}

const reads: ReadonlySet<string> = new Set(["get", "list", "watch"]);

async function serveResource(
  edge: Edge,
  head: Head,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { server } = edge;
  const { kind, verb, subresource, namespace, name, user } = head;
  const attributes = { verb, group: kind.group, resource: kind.plural, subresource, namespace, name };
  if (!authorize(user, attributes)) throw forbidden(kind, name ?? "", refusal(user, attributes));
  const handler = handlerOf({ ...head, body: Buffer.alloc(0) });
  const reply = await handler(server, { ...head, body: await bodyOf(request) });
  const { warnings = [] } = reply;
  const warned = kind.readWarning && reads.has(verb) ? { ...reply, warnings: [...warnings, kind.readWarning] } : reply;
  await sendReply(request, response, { reply: warned, query: head.query, now: server.clock.now() });
}

async function serveStatic(edge: Edge, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const user = userOf(request);
  const verb = (request.method ?? "GET").toLowerCase();
  const attributes = { verb, path: url.pathname };
  if (!authorize(user, attributes)) {
    throw forbiddenPath(refusal(user, attributes));
  }
  if (verb !== "get" && verb !== "head") throw noSuchPath();
  const answer = await edge.staticPaths({
    path: url.pathname.replace(/(.)\/$/, "$1"),
    query: url.searchParams,
    accept: String(request.headers.accept ?? ""),
    host: request.headers.host ?? "",
  });
  if (!answer) throw noSuchPath();
  await send(request, response, answer);
}

function measure({ server, metrics }: Edge, head: Head, response: ServerResponse): void {
  const { kind, verb, subresource = "" } = head;
  const begunMs = server.clock.now();
  const end = metrics.begin({
    verb,
    group: kind.group,
    version: kind.version,
    resource: kind.plural,
    subresource,
  });
  response.once("close", () => end(response.statusCode, (server.clock.now() - begunMs) / 1000));
}

export async function handleRequest(edge: Edge, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const url = new URL(request.url ?? "/", "https://server");
    const head = headOf(request, url, edge);
    if (head) {
      measure(edge, head, response);
      await serveResource(edge, head, request, response);
    } else {
      await serveStatic(edge, url, request, response);
    }
  } catch (error) {
    // The client is gone: there is nobody to tell.
    if (response.destroyed) return;
    const { status } = faultOf(error);
    if (status.code === 500)
      edge.server.log.error("request failed", { method: request.method, url: request.url, error });
    // A body that nobody read must not be taken for the next request.
    if (!request.complete) request.resume();
    await sendStatus(request, response, status);
  }
}
