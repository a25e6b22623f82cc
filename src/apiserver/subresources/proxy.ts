/** The proxy subresource of Pods, Services and Nodes. Source: Kubernetes "Access Services Running on Clusters". */
import type { IncomingMessage, ServerResponse } from "node:http";
import { serviceUnavailable } from "../../api/status.ts";
import type { ServerContext } from "../context.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";
import { admitProxy } from "./connect-options.ts";
import { agentOf, agentTls } from "./node-agent.ts";
import { rewriteLinks, rewriteLocation } from "./proxy-links.ts";
import { podTarget, serviceTarget, splitTarget } from "./proxy-target.ts";
import { passHead, passOn, type Target } from "./tunnel.ts";

/** Pages are rewritten; larger ones are handed on as they are. */
const pageLimitBytes = 8 * 1024 * 1024;

async function targetOf(server: ServerContext, request: ApiRequest): Promise<Omit<Target, "path">> {
  const { kind, namespace = "", name = "" } = request;
  const parts = splitTarget(name, kind.singular);
  if (kind.plural === "nodes") {
    const agent = await agentOf(server, parts.name);
    return { ...agent, ...(parts.port && { port: Number(parts.port) }), ...agentTls(server), protocol: "https:" };
  }
  const address = await (kind.plural === "services" ? serviceTarget : podTarget)(server, { kind, namespace, ...parts });
  // Nobody could vouch for the name: a client that cares goes there itself.
  return { ...address, protocol: `${parts.scheme}:`, rejectUnauthorized: false, agent: false };
}

interface Place {
  /** What stands before the server's own paths, e.g. "/api/v1/namespaces/default/pods/a/proxy". */
  readonly prefix: string;
  /** e.g. "/", "" when there is no slash. */
  readonly path: string;
  readonly query: string;
}

function placeOf(url: string): Place {
  const [whole = "", ...rest] = url.split("?");
  const end = /\/(?:pods|services|nodes)\/[^/]+\/proxy(?=\/|$)/.exec(whole);
  const at = end ? end.index + end[0].length : whole.length;
  const query = rest.length > 0 ? `?${rest.join("?")}` : "";
  return { prefix: whole.slice(0, at), path: whole.slice(at), query };
}

async function readPage(answer: IncomingMessage, response: ServerResponse): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer) {
    if (response.headersSent) {
      response.write(chunk);
      continue;
    }
    chunks.push(chunk);
    size += chunk.length;
    if (size <= pageLimitBytes) continue;
    passHead(answer, response);
    response.write(Buffer.concat(chunks));
  }
  if (!response.headersSent) return Buffer.concat(chunks);
  response.end();
  return undefined;
}

/** Links and redirects of a server that does not know of its prefix are made to work. */
async function passPage(answer: IncomingMessage, response: ServerResponse, place: Place, host: string): Promise<void> {
  const { headers } = answer;
  const rewrite = { prefix: place.prefix, host };
  if (headers.location) answer.headersDistinct.location = [rewriteLocation(headers.location, rewrite)];
  const page = /^text\/html\b/i.test(headers["content-type"] ?? "") && !headers["content-encoding"];
  if (!page) {
    passHead(answer, response);
    response.flushHeaders();
    answer.pipe(response);
    return;
  }
  const body = await readPage(answer, response);
  if (!body) return;
  const text = Buffer.from(rewriteLinks(body.toString("latin1"), rewrite), "latin1");
  answer.headersDistinct["content-length"] = [String(text.length)];
  passHead(answer, response);
  response.end(text);
}

export function proxy(server: ServerContext, request: ApiRequest): Promise<Reply> {
  return admitProxy(server, request, () => proxyTo(server, request));
}

async function proxyTo(server: ServerContext, request: ApiRequest): Promise<Reply> {
  const target = await targetOf(server, request);
  return {
    type: "stream",
    async run(response, raw) {
      const place = placeOf(raw.url ?? "");
      const reads = raw.method === "GET" || raw.method === "HEAD";
      if (place.path === "" && reads) {
        // So that the page's relative links work.
        response.writeHead(301, { location: `${place.prefix}/${place.query}` }).end();
        return;
      }
      const host = `${target.host}:${target.port}`;
      const headers = {
        host,
        "x-forwarded-uri": `${place.prefix}${place.path}`,
        "x-forwarded-host": raw.headers.host ?? String(raw.headers[":authority"] ?? ""),
        "x-forwarded-proto": "https",
      };
      const path = `${place.path || "/"}${place.query}`;
      const onAnswer = (answer: IncomingMessage): Promise<void> => passPage(answer, response, place, host);
      const passage = { request: raw, response, signal: server.closing, onAnswer };
      await passOn({ ...target, path, headers }, passage).catch((error: Error) => {
        throw serviceUnavailable(`error trying to reach service: ${error.message}`);
      });
    },
  };
}
