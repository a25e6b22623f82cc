/** GET pods/NAME/log: fetched from the node's agent and handed on as it comes. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Node, Pod } from "../../api/object.ts";
import { nodes } from "../../api/resource.ts";
import { badRequest, internalError, methodNotAllowed, notFound, serviceUnavailable } from "../../api/status.ts";
import { objectOf } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { objectStoreKey } from "../keys.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";

const agentPort = 10250;
const connectTimeoutMs = 10_000;
const passed = [
  "follow",
  "previous",
  "timestamps",
  "tailLines",
  "limitBytes",
  "sinceSeconds",
  "sinceTime",
  "insecureSkipTLSVerifyBackend",
];

/** The container that is meant. Throws ApiFault (400) with the choices. */
function chooseContainer(pod: Pod, asked: string | null): string {
  const { containers = [], initContainers = [] } = pod.spec;
  const names = (list: readonly { name: string }[]): string => `[${list.map(({ name }) => name).join(" ")}]`;
  const { name } = pod.metadata;
  if (!asked) {
    const [only, ...others] = containers;
    if (only && others.length === 0) return only.name;
    const choices = `choose one of: ${names(containers)}`;
    const init = initContainers.length > 0 ? ` or one of the init containers: ${names(initContainers)}` : "";
    throw badRequest(`a container name must be specified for pod ${name}, ${choices}${init}`);
  }
  const known = [...containers, ...initContainers].some((container) => container.name === asked);
  if (!known) throw badRequest(`container ${asked} is not valid for pod ${name}`);
  return asked;
}

async function agentOf({ store }: ServerContext, nodeName: string): Promise<{ host: string; port: number }> {
  const entry = await store.get(objectStoreKey(nodes, undefined, nodeName));
  if (!entry) throw notFound(nodes, nodeName);
  const { status } = objectOf(entry.value) as unknown as Node;
  const host = status?.addresses?.find(({ type }) => type === "InternalIP")?.address;
  if (!host) throw serviceUnavailable(`node ${nodeName} has no address of type InternalIP yet`);
  return { host, port: status?.daemonEndpoints?.kubeletEndpoint?.Port ?? agentPort };
}

async function readAll(message: IncomingMessage, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message) {
    size += chunk.length;
    if (size > limitBytes) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

interface Agent {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** Resolves when the agent has begun to answer. */
function ask({ nodes: { ca, client } }: ServerContext, agent: Agent, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = httpsRequest({ ...agent, ca, cert: client.certificate, key: client.key, agent: false, signal });
    asked.setTimeout(connectTimeoutMs, () => asked.destroy(new Error(`no answer within ${connectTimeoutMs / 1000} s`)));
    asked.on("error", reject);
    asked.on("response", (answer) => {
      asked.setTimeout(0);
      resolve(answer);
    });
    asked.end();
  });
}

async function proxy(server: ServerContext, agent: Agent, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const signal = AbortSignal.any([gone.signal, server.closing]);
  const answer = await ask(server, agent, signal).catch((error: Error) => {
    throw internalError(`Get "https://${agent.host}:${agent.port}${agent.path}": ${error.message}`);
  });
  if (answer.statusCode !== 200)
    throw badRequest((await readAll(answer, 64 * 1024)).trim() || "the node has no such log");
  response.writeHead(200, { "content-type": "text/plain", "cache-control": "no-cache, private" });
  response.flushHeaders();
  answer.on("error", () => response.destroy());
  answer.pipe(response);
}

export async function log(server: ServerContext, request: ApiRequest): Promise<Reply> {
  const { kind, namespace = "", name = "", verb, query } = request;
  if (verb !== "get") throw methodNotAllowed(kind, verb);
  const entry = await server.store.get(objectStoreKey(kind, namespace, name));
  if (!entry) throw notFound(kind, name);
  const pod = objectOf(entry.value) as unknown as Pod;
  const container = chooseContainer(pod, query.get("container"));
  const { nodeName } = pod.spec;
  if (!nodeName) throw badRequest(`pod ${name} does not have a host assigned`);
  const agent = await agentOf(server, nodeName);
  const options = new URLSearchParams([...query].filter(([key]) => passed.includes(key)));
  const path = `/containerLogs/${[namespace, name, container].map(encodeURIComponent).join("/")}?${options}`;
  return { type: "stream", run: (response) => proxy(server, { ...agent, path }, response) };
}
