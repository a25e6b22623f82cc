/** GET pods/NAME/log: fetched from the node's agent and handed on as it comes. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";
import { badRequest, internalError, methodNotAllowed } from "../../api/status.ts";
import type { ServerContext } from "../context.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";
import { type AgentAddress, agentOfPod, agentTls, chooseContainer, podOf } from "./node-agent.ts";

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

interface Agent extends AgentAddress {
  readonly path: string;
}

/** Resolves when the agent has begun to answer. */
function ask(server: ServerContext, agent: Agent, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = httpsRequest({ ...agent, ...agentTls(server), signal });
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
  const pod = await podOf(server, request);
  const container = chooseContainer(pod, query.get("container"));
  const agent = await agentOfPod(server, pod);
  const options = new URLSearchParams([...query].filter(([key]) => passed.includes(key)));
  const path = `/containerLogs/${[namespace, name, container].map(encodeURIComponent).join("/")}?${options}`;
  return { type: "stream", run: (response) => proxy(server, { ...agent, path }, response) };
}
