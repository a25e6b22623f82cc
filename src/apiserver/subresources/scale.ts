/** The scale of a Deployment or ReplicaSet or custom resource as an autoscaling/v1 Scale: read and written without the rest of the object. */
import { invalid as invalidField } from "../../api/field-error.ts";
import { isJsonObject, type JsonObject } from "../../api/json.ts";
import type { Kind } from "../../api/kind.ts";
import { ageColumn, integer, nameColumn } from "../../api/kinds/_column.ts";
import type { KubeObject } from "../../api/object.ts";
import { formatLabelSelector, type LabelSelectorObject, labelSelectorOf } from "../../api/selectors.ts";
import { badRequest, invalid, methodNotAllowed, notFound } from "../../api/status.ts";
import { admitRequest } from "../admission/dynamic/admit-request.ts";
import { type StoredObject, writableMeta } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { parseRequestBody } from "../decode-object.ts";
import { objectStoreKey } from "../keys.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";
import { loadForms, shownObject } from "../stored-form.ts";
import { updateObject } from "../update-object.ts";
import { get } from "../verbs/get.ts";
import { readPatch } from "../verbs/patch.ts";
import { parseRequester, parseWriteOptions } from "../write-options.ts";

interface Scale {
  readonly apiVersion: "autoscaling/v1";
  readonly kind: "Scale";
  readonly metadata: object & { resourceVersion?: string; uid?: string };
  readonly spec: { readonly replicas?: number };
  readonly status: { readonly replicas: number; readonly selector?: string };
}

type ScalePaths = NonNullable<Kind["scalePaths"]>;

const usualPaths: ScalePaths = { spec: ["spec", "replicas"], status: ["status", "replicas"] };

const schema = "io.k8s.api.autoscaling.v1.Scale";

function valueAt(object: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, field) => (isJsonObject(value) ? value[field] : undefined), object);
}

/** A copy with `value` at `path`; what is on the way is made if need be. */
function withValueAt(object: JsonObject, [field = "", ...rest]: readonly string[], value: unknown): JsonObject {
  const below = object[field];
  return { ...object, [field]: rest.length > 0 ? withValueAt(isJsonObject(below) ? below : {}, rest, value) : value };
}

/** Custom resources keep their selector as text; others as an object. */
function selectorOf(object: StoredObject, { selector }: ScalePaths): string | undefined {
  if (selector) {
    const text = valueAt(object, selector);
    return typeof text === "string" ? text : undefined;
  }
  const own = valueAt(object, ["spec", "selector"]);
  return isJsonObject(own) ? formatLabelSelector(labelSelectorOf(own as LabelSelectorObject)) : undefined;
}

function scaleOf(kind: Kind, object: StoredObject): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const paths = kind.scalePaths ?? usualPaths;
  const selector = kind.scalePaths && !paths.selector ? undefined : selectorOf(object, paths);
  const metadata = { name, namespace, uid, resourceVersion, creationTimestamp };
  const count = (path: readonly string[]): number => Number(valueAt(object, path) ?? 0);
  return {
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: metadata as Scale["metadata"],
    spec: { replicas: count(paths.spec) },
    status: { replicas: count(paths.status), ...(selector ? { selector } : {}) },
  };
}

/** For tables, as of any other object. */
const scaleKind: Kind = {
  group: "autoscaling",
  version: "v1",
  kind: "Scale",
  plural: "scales",
  singular: "scale",
  namespaced: true,
  shortNames: [],
  categories: [],
  status: false,
  subresources: [],
  schema,
  columns: [
    nameColumn,
    integer("Desired", "Replicas that are wanted.", (scale) => (scale as KubeObject & Scale).spec.replicas ?? 0),
    integer("Available", "Replicas that there are.", (scale) => (scale as KubeObject & Scale).status.replicas),
    ageColumn,
  ],
};

function replyOf(kind: Kind, stored: Buffer): Reply {
  const value = Buffer.from(JSON.stringify(scaleOf(kind, shownObject(kind, stored))));
  return { type: "object", kind: scaleKind, value };
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

const scaleType = { group: "autoscaling", version: "v1", kind: "Scale" };

/** Webhooks and policies see Scales; what they leave is written. */
async function write(server: ServerContext, request: ApiRequest, next: (live: Scale) => unknown): Promise<Reply> {
  const { kind, namespace, name = "", subresource = "" } = request;
  const requester = parseRequester(request);
  if (!server.admission.gateOf(kind, subresource, "UPDATE", requester)) return store(server, request, next);
  const entry = await server.store.get(objectStoreKey(kind, namespace, name));
  if (!entry) throw notFound(kind, name);
  await loadForms(kind, [entry.value]);
  const oldScale = scaleOf(kind, shownObject(kind, entry.value));
  const object = next(oldScale) as JsonObject;
  const { dryRun } = parseWriteOptions(request);
  const oldObject = oldScale as unknown as JsonObject;
  const asked = { operation: "UPDATE", type: scaleType, object, oldObject, dryRun } as const;
  return admitRequest(server, request, asked, (admitted) => store(server, request, () => admitted));
}

async function store(server: ServerContext, request: ApiRequest, next: (live: Scale) => unknown): Promise<Reply> {
  const { kind, namespace, name = "" } = request;
  const { requester: _admitted, ...writer } = parseWriteOptions(request);
  const change = (live: StoredObject): { object: StoredObject } => {
    const before = scaleOf(kind, live);
    const scale = next(before);
    const { resourceVersion, uid } = (scale as Scale).metadata ?? {};
    const path = (kind.scalePaths ?? usualPaths).spec;
    const object = withValueAt(live as unknown as JsonObject, path, replicasOf(scale, name)) as unknown as StoredObject;
    const metadata = writableMeta(object);
    if (uid) metadata.uid = uid;
    if (resourceVersion) metadata.resourceVersion = resourceVersion;
    if (!resourceVersion || request.verb === "patch") delete metadata.resourceVersion;
    return { object };
  };
  const written = await updateObject(server, {
    kind,
    namespace,
    name,
    part: "object",
    subresource: "scale",
    writer,
    change,
  });
  await loadForms(kind, [written.value]);
  return replyOf(kind, written.value);
}

export async function scale(server: ServerContext, request: ApiRequest): Promise<Reply> {
  switch (request.verb) {
    case "get": {
      const reply = await get(server, request);
      if (reply.type !== "object") return reply;
      await loadForms(request.kind, [reply.value]);
      return replyOf(request.kind, reply.value);
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
