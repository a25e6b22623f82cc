/** From a parsed request to its verb. */
import { methodNotAllowed, noSuchMethod, noSuchPath } from "../api/status.ts";
import type { ServerContext } from "./context.ts";
import type { Reply } from "./reply.ts";
import type { ApiRequest, Verb } from "./request.ts";
import { review } from "./reviews/review.ts";
import { binding } from "./subresources/binding.ts";
import { attach, exec, portforward } from "./subresources/connect.ts";
import { eviction } from "./subresources/eviction.ts";
import { log } from "./subresources/log.ts";
import { proxy } from "./subresources/proxy.ts";
import { scale } from "./subresources/scale.ts";
import { token } from "./subresources/token.ts";
import { create } from "./verbs/create.ts";
import { remove } from "./verbs/delete.ts";
import { deleteCollection } from "./verbs/delete-collection.ts";
import { get } from "./verbs/get.ts";
import { list } from "./verbs/list.ts";
import { patch } from "./verbs/patch.ts";
import { update } from "./verbs/update.ts";
import { watch } from "./verbs/watch.ts";

type Handler = (server: ServerContext, request: ApiRequest) => Promise<Reply>;

const verbs: Readonly<Record<Verb, Handler>> = {
  get,
  list,
  watch,
  create,
  update,
  patch,
  delete: remove,
  deletecollection: deleteCollection,
};

const subresources: Readonly<Record<string, Handler>> = {
  scale,
  binding,
  eviction,
  log,
  token,
  exec,
  attach,
  portforward,
  proxy,
};

/** Parts of the object itself, which its own verbs serve. */
const parts = new Set(["status", "finalize"]);
const partVerbs = new Set<Verb>(["get", "update", "patch"]);

export function handlerOf({
  kind,
  verb,
  name,
  namespace,
  subresource,
}: Pick<ApiRequest, "kind" | "verb" | "name" | "namespace" | "subresource">): Handler {
  if (name !== undefined && kind.namespaced && namespace === undefined) throw noSuchPath();
  if (kind.createOnly) {
    if (name !== undefined) throw noSuchPath();
    return review;
  }
  if (subresource === undefined) {
    if (verb === "create" && name !== undefined) throw noSuchMethod();
    if ((verb === "update" || verb === "patch") && name === undefined) throw noSuchMethod();
    if (kind.lacks?.includes(verb)) throw noSuchMethod();
    return verbs[verb];
  }
  const served = subresource === "status" ? kind.status : kind.subresources.includes(subresource);
  if (!served) throw noSuchPath();
  if (parts.has(subresource) || kind.parts?.[subresource]) {
    if (!partVerbs.has(verb)) throw methodNotAllowed(kind, verb);
    return verbs[verb];
  }
  const handler = subresources[subresource];
  if (!handler) throw noSuchPath();
  return handler;
}
