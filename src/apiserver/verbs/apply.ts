/** Server-side apply: PATCH with a configuration that its manager owns. Source: Kubernetes "Server-Side Apply". */

import { applyObject } from "../../api/apply/apply.ts";
import { required } from "../../api/field-error.ts";
import type { JsonObject } from "../../api/json.ts";
import { cloneJson } from "../../api/json.ts";
import { ApiFault, badRequest } from "../../api/status.ts";
import { type StoredObject, writableMeta } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { createObject, type Written } from "../create-object.ts";
import { type Decoded, decodeObject, duplicatesIn, parseRequestBody } from "../decode-object.ts";
import { writeOf } from "../field-management.ts";
import { invalidOption } from "../list-options.ts";
import { alignWithUrl } from "../object-metadata.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";
import { partOf } from "../subresources/part.ts";
import { type Update, updateObject } from "../update-object.ts";
import { parseWriteOptions } from "../write-options.ts";

export const applyTypes: readonly string[] = ["application/apply-patch+yaml"];

const attempts = 5;

const codeOf = (error: unknown): number | undefined => (error instanceof ApiFault ? error.status.code : undefined);

async function readConfiguration(request: ApiRequest): Promise<Decoded> {
  const options = parseWriteOptions(request);
  if (!request.query.get("fieldManager")) {
    throw invalidOption("PatchOptions", required("fieldManager", "is required for apply patch"));
  }
  const value = await parseRequestBody(request, applyTypes);
  const { kind } = request;
  for (const field of ["apiVersion", "kind"] as const) {
    if (!(value as JsonObject | undefined)?.[field]) throw badRequest(`the configuration must say its ${field}`);
  }
  const duplicates = options.fieldValidation === "Strict" ? duplicatesIn(request, value, options) : [];
  // What nobody knows nobody can own: unlike in other writes, unknown fields are never just dropped.
  const decoded = decodeObject(value, kind, { fieldValidation: "Strict" }, duplicates);
  if (decoded.object.metadata.managedFields) throw badRequest("metadata.managedFields must be nil");
  alignWithUrl(decoded.object, request);
  return decoded;
}

export async function apply(server: ServerContext, request: ApiRequest): Promise<Reply> {
  const { kind, namespace, name = "", subresource } = request;
  const options = parseWriteOptions(request);
  const { object: applied, warnings } = await readConfiguration(request);
  const writer = { ...options, tracked: true };
  const merge = (live: StoredObject | undefined): StoredObject => {
    const change = { kind, manager: options.fieldManager, subresource, nowMs: server.clock.now() };
    const write = { ...writeOf(change), force: options.force };
    const merged: StoredObject = applyObject(live, cloneJson(applied) as unknown as JsonObject, write);
    // Only a configuration that names a revision is bound to it.
    if (!applied.metadata.resourceVersion) delete writableMeta(merged).resourceVersion;
    return merged;
  };
  const part = partOf(kind, subresource);
  const target: Update = {
    kind,
    namespace,
    name,
    part,
    subresource,
    writer,
    change: (live) => ({ object: merge(live) }),
  };
  const written = await updateOrCreate(server, target, () => merge(undefined));
  return {
    type: "object",
    kind,
    value: written.value,
    code: written.created ? 201 : 200,
    warnings: [...warnings, ...written.warnings],
  };
}

/** Another writer may make or remove the object in between; then it is the other way. */
async function updateOrCreate(server: ServerContext, target: Update, make: () => StoredObject): Promise<Written> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await updateObject(server, target);
    } catch (error) {
      if (codeOf(error) !== 404 || target.part !== "object") throw error;
    }
    try {
      return await createObject(server, { kind: target.kind, object: make(), writer: target.writer });
    } catch (error) {
      const exists = error instanceof ApiFault && error.status.reason === "AlreadyExists";
      if (!exists || attempt >= attempts) throw error;
    }
  }
}
