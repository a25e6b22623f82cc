/** POST to a collection. */
import { badRequest, warned } from "../../api/status.ts";
import type { ServerContext } from "../context.ts";
import { createObject } from "../create-object.ts";
import { decodeBody } from "../decode-object.ts";
import { alignWithUrl } from "../object-metadata.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";
import { parseWriteOptions } from "../write-options.ts";

export async function create(server: ServerContext, request: ApiRequest): Promise<Reply> {
  const { kind, namespace } = request;
  const options = parseWriteOptions(request);
  if (kind.namespaced && namespace === undefined) {
    throw badRequest("an empty namespace may not be set during creation");
  }
  const { object, warnings } = await decodeBody(request, options);
  const written = await warned(warnings, () => {
    alignWithUrl(object, request);
    return createObject(server, { kind, object, writer: options });
  });
  return { type: "object", kind, value: written.value, code: 201, warnings: [...warnings, ...written.warnings] };
}
