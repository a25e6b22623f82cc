/** POST pods/NAME/eviction: a deletion that may be refused; nothing refuses it yet. */
import { badRequest, methodNotAllowed } from "../../api/status.ts";
import type { ServerContext } from "../context.ts";
import { parseRequestBody } from "../decode-object.ts";
import { deleteObject } from "../delete-object.ts";
import { checkDeleteOptions } from "../delete-options.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";
import { created } from "./binding.ts";

export async function eviction(server: ServerContext, request: ApiRequest): Promise<Reply> {
  const { kind, namespace, name = "", verb, query } = request;
  if (verb !== "create") throw methodNotAllowed(kind, verb);
  const body = await parseRequestBody(request);
  const given = (body ?? {}) as { kind?: unknown; deleteOptions?: Record<string, unknown> };
  if (given.kind !== "Eviction") throw badRequest("Cannot read the request: the body must be an Eviction");
  const { dryRun, ...options } = checkDeleteOptions(given.deleteOptions ?? {});
  const dry = dryRun || query.getAll("dryRun").includes("All");
  await deleteObject(server, { kind, namespace, name, options, dryRun: dry });
  return { type: "json", body: created, code: 201 };
}
