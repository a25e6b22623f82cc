/**
 * pods/NAME/exec, attach and portforward: the client's own protocol is handed on to the node's agent, which speaks
 * them all (docs/decisions/0005-streams.md). Source: Kubernetes API reference, PodExecOptions and its sisters.
 */
import type { Pod } from "../../api/object.ts";
import { badRequest, internalError, methodNotAllowed } from "../../api/status.ts";
import type { ServerContext } from "../context.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";
import { upgradeOf } from "../upgrade.ts";
import { admitStream } from "./connect-options.ts";
import { agentOfPod, agentTls, chooseContainer, podOf } from "./node-agent.ts";
import { passOn } from "./tunnel.ts";

type Part = "exec" | "attach" | "portforward";

/** The API's names of the options and the agent's. */
const streams = [
  ["stdin", "input"],
  ["stdout", "output"],
  ["stderr", "error"],
  ["tty", "tty"],
] as const;

const isTrue = (value: string | null): boolean => value !== null && /^(1|t|true)$/i.test(value);

function agentQuery(part: Part, query: URLSearchParams): URLSearchParams {
  const wanted = new URLSearchParams();
  if (part === "portforward") {
    for (const ports of query.getAll("ports")) wanted.append("port", ports);
    return wanted;
  }
  for (const [name, agentName] of streams) if (isTrue(query.get(name))) wanted.append(agentName, "1");
  if (part === "exec") for (const word of query.getAll("command")) wanted.append("command", word);
  return wanted;
}

async function connect(server: ServerContext, request: ApiRequest, part: Part): Promise<Reply> {
  const { kind, verb } = request;
  if (verb !== "get" && verb !== "create") throw methodNotAllowed(kind, verb);
  const pod = await podOf(server, request);
  return admitStream(server, request, part, () => connectTo(server, request, part, pod));
}

async function connectTo(server: ServerContext, request: ApiRequest, part: Part, pod: Pod): Promise<Reply> {
  const { namespace = "", name = "", query } = request;
  const container = part === "portforward" ? [] : [chooseContainer(pod, query.get("container"))];
  const agent = await agentOfPod(server, pod);
  // The agent spells it otherwise.
  const words = [part === "portforward" ? "portForward" : part, namespace, name, ...container].map(encodeURIComponent);
  const path = `/${words.join("/")}?${agentQuery(part, query)}`;
  return {
    type: "stream",
    async run(response, raw) {
      if (!upgradeOf(raw)) throw badRequest("Upgrade request required");
      const target = { ...agent, ...agentTls(server), path, protocol: "https:" as const };
      await passOn(target, { request: raw, response, signal: server.closing }).catch((error: Error) => {
        throw internalError(`error dialing backend: ${error.message}`);
      });
    },
  };
}

export const exec = (server: ServerContext, request: ApiRequest): Promise<Reply> => connect(server, request, "exec");
export const attach = (server: ServerContext, request: ApiRequest): Promise<Reply> =>
  connect(server, request, "attach");
export const portforward = (server: ServerContext, request: ApiRequest): Promise<Reply> =>
  connect(server, request, "portforward");
