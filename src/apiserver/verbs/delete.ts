/** DELETE of one object. */
import { success } from "../../api/status.ts";
import { objectOf } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { deleteObject } from "../delete-object.ts";
import { parseDeleteOptions } from "../delete-options.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";
import { parseRequester } from "../write-options.ts";

/** Kinds whose last state is the answer, as in Kubernetes; others answer with a Status. */
const showsLastState = new Set([
  "pods",
  "services",
  "serviceaccounts",
  "podtemplates",
  "resourcequotas",
  "persistentvolumes",
  "persistentvolumeclaims",
  "storageclasses",
]);

export async function remove(server: ServerContext, request: ApiRequest): Promise<Reply> {
  const { kind, namespace, name = "" } = request;
  const { dryRun, ...options } = await parseDeleteOptions(request);
  const requester = parseRequester(request);
  const deleted = await deleteObject(server, { kind, namespace, name, options, dryRun, requester });
  const { value, gone } = deleted;
  const { warning } = kind.orphansByDefault ?? {};
  const warnings = [...deleted.warnings, ...(warning && !options.propagationPolicy ? [warning] : [])];
  if (!gone || showsLastState.has(kind.plural)) return { type: "object", kind, value, warnings };
  return { type: "json", body: success(kind, name, objectOf(value).metadata.uid), warnings };
}
