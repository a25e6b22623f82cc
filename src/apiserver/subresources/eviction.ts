/** POST pods/NAME/eviction: a deletion that a disruption budget may refuse. */
import type { JsonObject } from "../../api/json.ts";
import type { Pod } from "../../api/object.ts";
import { badRequest, methodNotAllowed, notFound } from "../../api/status.ts";
import { admitRequest } from "../admission/dynamic/admit-request.ts";
import { objectOf } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { parseRequestBody } from "../decode-object.ts";
import { deleteObject } from "../delete-object.ts";
import { checkDeleteOptions } from "../delete-options.ts";
import { objectStoreKey } from "../keys.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";
import { created } from "./binding.ts";
import { requireDisruption } from "./disruption.ts";

const evictionType = { group: "policy", version: "v1", kind: "Eviction" };

function evictionOf({ namespace, name }: ApiRequest, given: object): JsonObject {
  const { metadata } = given as { metadata?: object };
  return { apiVersion: "policy/v1", ...given, metadata: { ...metadata, name, namespace } };
}

export async function eviction(server: ServerContext, request: ApiRequest): Promise<Reply> {
  const { kind, namespace, name = "", verb, query } = request;
  if (verb !== "create") throw methodNotAllowed(kind, verb);
  const body = await parseRequestBody(request);
  const given = (body ?? {}) as { kind?: unknown; deleteOptions?: Record<string, unknown> };
  if (given.kind !== "Eviction") throw badRequest("Cannot read the request: the body must be an Eviction");
  const { dryRun, ...options } = checkDeleteOptions(given.deleteOptions ?? {});
  const dry = dryRun || query.getAll("dryRun").includes("All");
  const attributes = {
    operation: "CREATE",
    type: evictionType,
    object: evictionOf(request, given),
    dryRun: dry,
  } as const;
  return admitRequest(server, request, attributes, async () => {
    const entry = await server.store.get(objectStoreKey(kind, namespace, name));
    if (!entry) throw notFound(kind, name);
    await requireDisruption(server, objectOf(entry.value) as unknown as Pod, dry);
    await deleteObject(server, { kind, namespace, name, options, dryRun: dry });
    return { type: "json", body: created, code: 201 };
  });
}
