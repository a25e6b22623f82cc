/** One HTTP request: who, what, may they, is it their turn, do it, answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  ApiFault,
  badRequest,
  forbidden,
  forbiddenPath,
  noSuchMethod,
  noSuchPath,
  tooLarge,
  warned,
} from "../api/status.ts";
import type { Log } from "../lib/log.ts";
import { absenceOf } from "./absent-groups.ts";
import type { Audit } from "./audit.ts";
import { authenticate } from "./authentication/authenticate.ts";
import { type Identity, identify } from "./authentication/identify.ts";
import { type Decision, refusal } from "./authorization/attributes.ts";
import { requestedAttributes } from "./authorization/requested.ts";
import { maxBodyBytes, readBody } from "./body.ts";
import type { ServerContext } from "./context.ts";
import { handlerOf } from "./dispatch.ts";
import type { FlowControl } from "./fairness/flow-control.ts";
import { isLongRunning, widthOf } from "./fairness/width.ts";
import type { Metrics } from "./metrics.ts";
import { negotiate } from "./negotiate.ts";
import { type ApiRequest, parseResourcePath, type ResourcePath, type User, verbOf } from "./request.ts";
import { faultOf, send, sendReply, sendStatus } from "./respond.ts";
import type { createStaticPaths } from "./static-paths.ts";

export interface Edge {
  readonly server: ServerContext;
  readonly metrics: Metrics;
  readonly staticPaths: ReturnType<typeof createStaticPaths>;
  readonly flows: FlowControl;
  readonly audit: Audit | undefined;
}

/** The request without its body: enough to decide whether it is served and allowed. */
type Head = Omit<ApiRequest, "body">;

/** One request on its way; what is learned of it is filled in. */
interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly receivedMs: number;
  identity?: Identity;
  head?: Head;
  decision?: Decision;
  /** What admission notes for the audit log. */
  readonly notes: Record<string, string>;
}

function headOf({ request, notes }: Visit, url: URL, { server }: Edge): Omit<Head, "user"> | undefined {
  const path = parsePath(url.pathname);
  const kind = path && server.kindOf(path.group, path.version, path.plural);
  // What follows "proxy" is the other server's path.
  if (!path || !kind || (path.rest.length > 0 && path.subresource !== "proxy")) return undefined;
  if (path.namespace !== undefined && !kind.namespaced) return undefined;
  const verb = verbOf(request.method ?? "GET", path, url.searchParams);
  if (!verb) throw noSuchMethod();
  return {
    verb,
    kind,
    namespace: path.namespace,
    name: path.name,
    subresource: path.subresource,
    rest: path.rest,
    query: url.searchParams,
    userAgent: request.headers["user-agent"] ?? "",
    contentType: request.headers["content-type"] ?? "",
    accept: String(request.headers.accept ?? ""),
    annotate(key, value) {
      notes[key] ??= value;
    },
  };
}

function parsePath(pathname: string): ResourcePath | undefined {
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

/** Their answers have types of their own. */
const streams: ReadonlySet<string | undefined> = new Set(["log", "exec", "attach", "portforward", "proxy"]);
const talksObjects = ({ subresource }: Head): boolean => !streams.has(subresource);

async function serveResource({ server, flows }: Edge, visit: Visit, head: Head): Promise<void> {
  const { request, response } = visit;
  const { kind, name, user } = head;
  const attributes = requestedAttributes(head);
  const decision = await server.authorizer.decide(user, attributes);
  visit.decision = decision;
  if (!decision.allowed) throw forbidden(kind, name ?? "", refusal(user, attributes, decision.reason));
  const handler = handlerOf(head);
  // Before anything is done.
  const negotiated = negotiate(talksObjects(head) ? head.accept : "", kind);
  const work = async (): Promise<void> => {
    // A proxied body is handed on as it comes.
    const body = head.subresource === "proxy" ? Buffer.alloc(0) : await bodyOf(request);
    const own = kind.deprecation === undefined ? [] : [kind.deprecation];
    const answer = await warned(own, () => handler(server, { ...head, body }));
    const reply = own.length === 0 ? answer : { ...answer, warnings: [...own, ...(answer.warnings ?? [])] };
    const now = server.clock.now();
    await sendReply(request, response, { reply, negotiated, query: head.query, now });
  };
  if (isLongRunning(head)) return work();
  const onGone = (callback: () => void): (() => void) => {
    response.once("close", callback);
    return () => void response.off("close", callback);
  };
  await flows.run({ flow: user.name, width: widthOf(head), onGone }, work);
}

async function serveStatic({ server, staticPaths }: Edge, visit: Visit, url: URL, user: User): Promise<void> {
  const { request, response } = visit;
  const verb = (request.method ?? "GET").toLowerCase();
  const attributes = { verb: verb === "head" ? "get" : verb, path: url.pathname };
  const decision = await server.authorizer.decide(user, attributes);
  visit.decision = decision;
  if (!decision.allowed) throw forbiddenPath(refusal(user, attributes, decision.reason));
  if (verb !== "get" && verb !== "head") throw noSuchPath(absenceOf(url.pathname));
  const answer = await staticPaths({
    path: url.pathname.replace(/(.)\/$/, "$1"),
    query: url.searchParams,
    accept: String(request.headers.accept ?? ""),
    host: request.headers.host ?? "",
  });
  if (!answer) throw noSuchPath(absenceOf(url.pathname));
  await send(request, response, answer);
}

function measure({ server, metrics }: Edge, { response, receivedMs }: Visit, head: Omit<Head, "user">): void {
  const { kind, verb, subresource = "" } = head;
  const { group, version, plural: resource } = kind;
  const end = metrics.begin({ verb, group, version, resource, subresource });
  response.once("close", () => end(response.statusCode, (server.clock.now() - receivedMs) / 1000));
}

/** Of requests whose credentials are not believed. */
const unknown: User = { name: "", groups: [] };

function writeAudit(audit: Audit, { request, response, receivedMs, identity, head, decision, notes }: Visit): void {
  const { user, impersonator }: Identity = identity ?? { user: unknown };
  const object = head && {
    resource: head.kind.plural,
    namespace: head.namespace,
    name: head.name,
    apiGroup: head.kind.group || undefined,
    apiVersion: head.kind.version,
    subresource: head.subresource,
  };
  audit.record({
    request,
    receivedMs,
    verb: head?.verb ?? (request.method ?? "GET").toLowerCase(),
    user: impersonator ?? user,
    impersonated: impersonator && user,
    object,
    decision,
    notes,
    code: response.statusCode,
  });
}

async function serve(edge: Edge, visit: Visit): Promise<void> {
  const url = new URL(visit.request.url ?? "/", "https://server");
  const head = headOf(visit, url, edge);
  if (head) measure(edge, visit, head);
  const { tokens, authorizer } = edge.server;
  const user = await authenticate(visit.request, tokens);
  visit.identity = { user };
  const identity = await identify(visit.request, user, authorizer);
  visit.identity = identity;
  if (!head) return serveStatic(edge, visit, url, identity.user);
  visit.head = { ...head, user: identity.user };
  await serveResource(edge, visit, visit.head);
}

/** What nobody foresaw is logged with the place where it happened. */
function logFailure({ request: { method, url } }: Visit, log: Log, error: unknown): void {
  const unforeseen = error instanceof Error && !(error instanceof ApiFault);
  log.error("request failed", { method, url, error, ...(unforeseen ? { stack: error.stack } : {}) });
}

export async function handleRequest(edge: Edge, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { audit, server } = edge;
  const visit: Visit = { request, response, receivedMs: server.clock.now(), notes: {} };
  if (audit) response.once("close", () => writeAudit(audit, visit));
  try {
    await serve(edge, visit);
  } catch (error) {
    // The client is gone: there is nobody to tell.
    if (response.destroyed) return;
    const fault = faultOf(error);
    if (fault.status.code === 500) logFailure(visit, server.log, error);
    // A body that nobody read must not be taken for the next request.
    if (!request.complete) request.resume();
    await sendStatus(request, response, fault);
  }
}
