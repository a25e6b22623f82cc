/** PUT of an object or of its status. */

import { invalid } from "../../api/field-error.ts";
import { cloneJson } from "../../api/json.ts";
import { ApiFault, badRequest, invalid as invalidObject, otherUid, warned } from "../../api/status.ts";
import { type StoredObject, writableMeta } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { createObject, type Written } from "../create-object.ts";
import { decodeBody } from "../decode-object.ts";
import { alignWithUrl } from "../object-metadata.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";
import { partOf } from "../subresources/part.ts";
import { type Update, updateObject } from "../update-object.ts";
import { parseWriteOptions, type WriteOptions } from "../write-options.ts";

/** Kinds that a PUT makes when they are not there, as in Kubernetes. */
const createdByUpdate = new Set(["services", "endpoints", "leases", "events"]);

/** A revision names nothing then, as in Kubernetes; a uid names another object. */
async function createMissing(
  server: ServerContext,
  { kind, name = "" }: ApiRequest,
  object: StoredObject,
  writer: WriteOptions,
): Promise<Written> {
  const { uid } = object.metadata;
  if (uid) throw otherUid(kind, name, { asked: uid, actual: "" });
  delete writableMeta(object).resourceVersion;
  return createObject(server, { kind, object, writer });
}

const isMissing = (error: unknown): boolean => error instanceof ApiFault && error.status.code === 404;

export async function update(server: ServerContext, request: ApiRequest): Promise<Reply> {
  const { kind, namespace, name = "", subresource } = request;
  const options = parseWriteOptions(request);
  const { object, warnings } = await decodeBody(request, options);
  alignWithUrl(object, request);
  if (object.metadata.name !== name) throw badRequest("name must be provided");
  if (kind.needsRevision && !object.metadata.resourceVersion) {
    const fault = invalid("metadata.resourceVersion", 0, "must be specified for an update");
    throw invalidObject({ group: kind.group, kind: kind.plural }, name, [fault]);
  }
  const change: Update["change"] = () => ({ object: cloneJson(object) });
  const target: Update = {
    kind,
    namespace,
    name,
    part: partOf(kind, subresource),
    subresource,
    writer: options,
    change,
  };
  const mayCreate = subresource === undefined && createdByUpdate.has(kind.plural);
  const updateOrCreate = (): Promise<Written> =>
    updateObject(server, target).catch((error: unknown) => {
      if (mayCreate && isMissing(error)) return createMissing(server, request, object, options);
      throw error;
    });
  const written = await warned(warnings, updateOrCreate);
  return {
    type: "object",
    kind,
    value: written.value,
    code: written.created ? 201 : 200,
    warnings: [...warnings, ...written.warnings],
  };
}
