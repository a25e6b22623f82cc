/** POST pods/NAME/binding: the scheduler's decision. Source: Kubernetes API reference, Binding. */
import type { Pod } from "../../api/object.ts";
import { badRequest, conflict, methodNotAllowed, type Status } from "../../api/status.ts";
import { admitRequest } from "../admission/dynamic/admit-request.ts";
import type { StoredObject } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import type { Writer } from "../create-object.ts";
import { parseRequestBody } from "../decode-object.ts";
import { formatTime } from "../object-metadata.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";
import { updateObject } from "../update-object.ts";
import { parseWriteOptions } from "../write-options.ts";

interface Binding {
  readonly target?: { readonly kind?: string; readonly name?: string };
  readonly metadata?: { readonly uid?: string; readonly annotations?: Record<string, string> };
}

export const created: Status & { readonly code: number } = {
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Success",
  code: 201,
};

const bindingType = { group: "", version: "v1", kind: "Binding" };

function bind(live: StoredObject, nodeName: string, time: string): void {
  const pod = live as unknown as Pod;
  pod.spec.nodeName = nodeName;
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== "PodScheduled");
  const scheduled = { type: "PodScheduled", status: "True", lastProbeTime: null, lastTransitionTime: time };
  live.status = { ...pod.status, conditions: [...others, scheduled] };
}

/** Throws ApiFault: 400 for no node, 409 for a Pod that has one, or is going. */
async function bindPod(
  server: ServerContext,
  { kind, namespace, name = "" }: ApiRequest,
  { target, metadata }: Binding,
  writer: Writer,
): Promise<Reply> {
  const nodeName = target?.name;
  if (!nodeName || (target.kind && target.kind !== "Node")) {
    throw badRequest('Cannot read the request: target must name a Node, e.g. {"kind": "Node", "name": "node-1"}');
  }
  const change = (live: StoredObject): { object: StoredObject } => {
    const { spec } = live as unknown as Pod;
    if (live.metadata.deletionTimestamp)
      throw conflict(kind, name, `pod ${name} is being deleted, cannot be assigned to a host`);
    if (spec.nodeName)
      throw conflict(kind, name, `pod ${name} is already assigned to node ${JSON.stringify(spec.nodeName)}`);
    bind(live, nodeName, formatTime(server.clock.now()));
    const { resourceVersion: _any, ...rest } = live.metadata;
    return { object: { ...live, metadata: { ...rest, ...(metadata?.uid ? { uid: metadata.uid } : {}) } } };
  };
  await updateObject(server, { kind, namespace, name, part: "binding", subresource: "binding", writer, change });
  return { type: "json", body: created, code: 201 };
}

export async function binding(server: ServerContext, request: ApiRequest): Promise<Reply> {
  const { kind, namespace, name = "", verb } = request;
  if (verb !== "create") throw methodNotAllowed(kind, verb);
  const { requester: _admitted, ...writer } = parseWriteOptions(request);
  const given = ((await parseRequestBody(request)) ?? {}) as Binding;
  const object = { apiVersion: "v1", kind: "Binding", ...given, metadata: { ...given.metadata, name, namespace } };
  const asked = { operation: "CREATE", type: bindingType, object, dryRun: writer.dryRun } as const;
  return admitRequest<Binding>(server, request, asked, (admitted) => bindPod(server, request, admitted, writer));
}
