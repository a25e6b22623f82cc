/** GET of one object. */

import { notFound } from "../../api/status.ts";
import type { ServerContext } from "../context.ts";
import { objectStoreKey } from "../keys.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";
import { requireRevision } from "../revision.ts";

export async function get({ store }: ServerContext, request: ApiRequest): Promise<Reply> {
  const { kind, namespace, name = "", query } = request;
  requireRevision(store, query.get("resourceVersion"));
  const entry = await store.get(objectStoreKey(kind, namespace, name));
  if (!entry) throw notFound(kind, name);
  return { type: "object", kind, value: entry.value };
}
