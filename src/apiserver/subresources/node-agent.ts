/** Where a node's agent listens, and what of a Pod it is asked for. */
import type { Node, Pod } from "../../api/object.ts";
import { nodes } from "../../api/resource.ts";
import { badRequest, notFound, serviceUnavailable } from "../../api/status.ts";
import { objectOf } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { objectStoreKey } from "../keys.ts";
import type { ApiRequest } from "../request.ts";

const agentPort = 10250;

export interface AgentAddress {
  readonly host: string;
  readonly port: number;
}

/** Throws ApiFault (404, 503). */
export async function agentOf({ store }: ServerContext, nodeName: string): Promise<AgentAddress> {
  const entry = await store.get(objectStoreKey(nodes, undefined, nodeName));
  if (!entry) throw notFound(nodes, nodeName);
  const { status } = objectOf(entry.value) as unknown as Node;
  const host = status?.addresses?.find(({ type }) => type === "InternalIP")?.address;
  if (!host) throw serviceUnavailable(`node ${nodeName} has no address of type InternalIP yet`);
  return { host, port: status?.daemonEndpoints?.kubeletEndpoint?.Port ?? agentPort };
}

/** How an agent knows the API server, and the other way round. */
export function agentTls({ nodes: { ca, client } }: ServerContext): {
  ca: string;
  cert: string;
  key: string;
  agent: false;
} {
  return { ca, cert: client.certificate, key: client.key, agent: false };
}

/** Throws ApiFault (404). */
export async function podOf({ store }: ServerContext, { kind, namespace, name = "" }: ApiRequest): Promise<Pod> {
  const entry = await store.get(objectStoreKey(kind, namespace, name));
  if (!entry) throw notFound(kind, name);
  return objectOf(entry.value) as unknown as Pod;
}

/** The agent of the Pod's node. Throws ApiFault (400, 404, 503). */
export async function agentOfPod(server: ServerContext, { metadata, spec }: Pod): Promise<AgentAddress> {
  if (!spec.nodeName) throw badRequest(`pod ${metadata.name} does not have a host assigned`);
  return agentOf(server, spec.nodeName);
}

/** The container that is meant. Throws ApiFault (400) with the choices. */
export function chooseContainer({ metadata: { name }, spec }: Pod, asked: string | null): string {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = spec;
  const names = (list: readonly { name: string }[]): string => `[${list.map((one) => one.name).join(" ")}]`;
  if (!asked) {
    const [only, ...others] = containers;
    if (only && others.length === 0) return only.name;
    const choices = `choose one of: ${names(containers)}`;
    const init = initContainers.length > 0 ? ` or one of the init containers: ${names(initContainers)}` : "";
    throw badRequest(`a container name must be specified for pod ${name}, ${choices}${init}`);
  }
  const known = [...containers, ...initContainers, ...ephemeralContainers].some((one) => one.name === asked);
  if (!known) throw badRequest(`container ${asked} is not valid for pod ${name}`);
  return asked;
}
