/** Admission of what is no object of its own: subresources that take another kind of object, connections, questions. */
import type { JsonObject } from "../../../api/json.ts";
import { warned } from "../../../api/status.ts";
import type { ServerContext } from "../../context.ts";
import type { Reply } from "../../reply.ts";
import type { ApiRequest } from "../../request.ts";
import { parseRequester } from "../../write-options.ts";
import type { Attributes, Operation } from "./attributes.ts";

interface Asked<T> {
  readonly operation: Operation;
  /** What `object` is; undefined: one of the request's kind. */
  readonly type?: Attributes["type"];
  readonly object: T;
  readonly oldObject?: JsonObject | null;
  readonly dryRun?: boolean;
}

/** Answers with what `work` makes of the object as it may go on; the client hears the warnings whatever comes of it. Throws ApiFault. */
export async function admitRequest<T extends object>(
  server: ServerContext,
  request: ApiRequest,
  { operation, type, object, oldObject = null, dryRun = false }: Asked<T>,
  work: (object: T) => Promise<Reply>,
): Promise<Reply> {
  const { kind, subresource = "", namespace = "", name = "" } = request;
  const requester = parseRequester(request);
  const gate = server.admission.gateOf(kind, subresource, operation, requester);
  const warnings: string[] = [];
  if (!gate) return work(object);
  const attributes: Attributes = {
    ...{ operation, kind, subresource, type, namespace, name, oldObject, dryRun, requester },
    object: object as JsonObject,
  };
  return warned(warnings, async () => {
    const changed = (await gate.mutate<T>(attributes, warnings)) ?? object;
    await gate.validate({ ...attributes, object: changed as JsonObject }, warnings);
    const reply = await work(changed);
    return { ...reply, warnings: [...warnings, ...(reply.warnings ?? [])] };
  });
}
