/** The scale of a Deployment or ReplicaSet as an autoscaling/v1 Scale: read and written without the rest of the object. */
import { invalid as invalidField } from "../../api/field-error.ts";
import { formatLabelSelector, type LabelSelectorObject, labelSelectorOf } from "../../api/selectors.ts";
import { badRequest, invalid, methodNotAllowed } from "../../api/status.ts";
import { objectOf, type StoredObject, writableMeta } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { parseRequestBody } from "../decode-object.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";
import { updateObject } from "../update-object.ts";
import { get } from "../verbs/get.ts";
import { readPatch } from "../verbs/patch.ts";
import { parseWriteOptions } from "../write-options.ts";

interface Scale {
  readonly apiVersion: "autoscaling/v1";
  readonly kind: "Scale";
  readonly metadata: object & { resourceVersion?: string; uid?: string };
  readonly spec: { readonly replicas?: number };
  readonly status: { readonly replicas: number; readonly selector?: string };
}

interface Scalable {
  readonly spec?: { readonly replicas?: number; readonly selector?: LabelSelectorObject };
  readonly status?: { readonly replicas?: number };
}

const schema = "io.k8s.api.autoscaling.v1.Scale";

function scaleOf(object: StoredObject): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const { spec, status } = object as Scalable;
  const selector = spec?.selector ? formatLabelSelector(labelSelectorOf(spec.selector)) : undefined;
  const metadata = { name, namespace, uid, resourceVersion, creationTimestamp };
  return {
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: metadata as Scale["metadata"],
    spec: { replicas: spec?.replicas ?? 0 },
    status: { replicas: status?.replicas ?? 0, ...(selector ? { selector } : {}) },
  };
}

/** The wanted replicas of a Scale that a client made. Throws ApiFault. */
function replicasOf(scale: unknown, name: string): number {
  const { kind, spec } = (scale ?? {}) as Partial<Scale>;
  if (kind !== "Scale")
    throw badRequest(`Cannot read the request: the body must be a Scale, not ${JSON.stringify(kind)}`);
  const replicas = spec?.replicas ?? 0;
  if (Number.isSafeInteger(replicas) && replicas >= 0) return replicas;
  const fault = invalidField("spec.replicas", replicas, "must be greater than or equal to 0");
  throw invalid({ group: "autoscaling", kind: "Scale" }, name, [fault]);
}

async function write(server: ServerContext, request: ApiRequest, next: (live: Scale) => unknown): Promise<Reply> {
  const { kind, namespace, name = "" } = request;
  const change = (live: StoredObject): { object: StoredObject } => {
    const before = scaleOf(live);
    const scale = next(before);
    const { resourceVersion, uid } = (scale as Scale).metadata ?? {};
    const object = { ...live, spec: { ...(live.spec as object), replicas: replicasOf(scale, name) } };
    const metadata = writableMeta(object);
    if (uid) metadata.uid = uid;
    if (resourceVersion) metadata.resourceVersion = resourceVersion;
    if (!resourceVersion || request.verb === "patch") delete metadata.resourceVersion;
    return { object };
  };
  const writer = parseWriteOptions(request);
  const written = await updateObject(server, {
    kind,
    namespace,
    name,
    part: "object",
    subresource: "scale",
    writer,
    change,
  });
  return { type: "json", body: scaleOf(objectOf(written.value)) };
}

export async function scale(server: ServerContext, request: ApiRequest): Promise<Reply> {
  switch (request.verb) {
    case "get": {
      const reply = await get(server, request);
      return reply.type === "object" ? { type: "json", body: scaleOf(objectOf(reply.value)) } : reply;
    }
    case "update": {
      const body = await parseRequestBody(request);
      return write(server, request, () => body);
    }
    case "patch": {
      const patched = await readPatch(request, schema);
      return write(server, request, patched);
    }
    default:
      throw methodNotAllowed(request.kind, request.verb);
  }
}
