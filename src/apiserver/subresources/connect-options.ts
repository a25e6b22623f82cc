/** What a connection asks for, as the object that webhooks and policies see. Source: Kubernetes API reference, PodExecOptions and its sisters. */
import type { JsonObject } from "../../api/json.ts";
import { admitRequest } from "../admission/dynamic/admit-request.ts";
import type { ServerContext } from "../context.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";

const isTrue = (value: string | null): boolean => value !== null && /^(1|t|true)$/i.test(value);

function streamOptions({ query }: ApiRequest): JsonObject {
  const streams = ["stdin", "stdout", "stderr", "tty"].filter((name) => isTrue(query.get(name)));
  const container = query.get("container");
  return { ...Object.fromEntries(streams.map((name) => [name, true])), ...(container ? { container } : {}) };
}

function execOptions(request: ApiRequest): JsonObject {
  const command = request.query.getAll("command");
  return { ...streamOptions(request), ...(command.length > 0 ? { command } : {}) };
}

function portOptions({ query }: ApiRequest): JsonObject {
  const ports = query.getAll("ports").flatMap((text) => text.split(",").map(Number));
  return ports.length > 0 ? { ports } : {};
}

const options = { exec: execOptions, attach: streamOptions, portforward: portOptions } as const;
const kinds = { exec: "PodExecOptions", attach: "PodAttachOptions", portforward: "PodPortForwardOptions" } as const;

type Work = () => Promise<Reply>;

function admit(server: ServerContext, request: ApiRequest, [kind, more]: readonly [string, JsonObject], work: Work) {
  const type = { group: "", version: "v1", kind };
  const object = { kind, apiVersion: "v1", ...more };
  return admitRequest(server, request, { operation: "CONNECT", type, object }, work);
}

/** Throws ApiFault when the connection is refused. */
export const admitStream = (server: ServerContext, request: ApiRequest, part: keyof typeof options, work: Work) =>
  admit(server, request, [kinds[part], options[part](request)], work);

/** The same for the proxy of a Pod, Service or Node. */
export function admitProxy(server: ServerContext, request: ApiRequest, work: Work): Promise<Reply> {
  const path = request.rest.join("/");
  return admit(server, request, [`${request.kind.kind}ProxyOptions`, path ? { path } : {}], work);
}
