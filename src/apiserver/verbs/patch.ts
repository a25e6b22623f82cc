/** PATCH of an object or of its status: JSON patch, merge patch, strategic merge patch, server-side apply. */
import { forbidden } from "../../api/field-error.ts";
import { jsonPatch } from "../../api/patch/json-patch.ts";
import { mergePatch } from "../../api/patch/merge-patch.ts";
import { strategicMerge } from "../../api/patch/strategic-merge.ts";
import { ApiFault, unprocessable } from "../../api/status.ts";
import { type StoredObject, writableMeta } from "../codec.ts";
import type { ServerContext } from "../context.ts";
import { type Decoded, decodeObject, duplicatesIn, mediaType, parseRequestBody } from "../decode-object.ts";
import { invalidOption } from "../list-options.ts";
import { alignWithUrl } from "../object-metadata.ts";
import type { Reply } from "../reply.ts";
import type { ApiRequest } from "../request.ts";
import { partOf } from "../subresources/part.ts";
import { updateObject } from "../update-object.ts";
import { parseWriteOptions } from "../write-options.ts";
import { apply, applyTypes } from "./apply.ts";

type Patch = (original: unknown, patch: unknown) => unknown;

const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  ...applyTypes,
];

function patchOf(type: string, schema: string): Patch {
  if (type === "application/json-patch+json") return jsonPatch;
  if (type === "application/merge-patch+json") return mergePatch;
  return (original, patch) => strategicMerge(original, patch, schema);
}

/** The patched form of plain data: a private copy of the original. Also for a Scale. */
export async function readPatch(request: ApiRequest, schema: string): Promise<(original: unknown) => unknown> {
  // Custom resources say nothing of strategies.
  const types = request.kind.decode ? patchTypes.filter((type) => !type.includes("strategic")) : patchTypes;
  const patch = await parseRequestBody(request, types);
  const patched = patchOf(mediaType(request.contentType), schema);
  return (original) => patched(original, patch);
}

/** The body is a patch as it should be; what it makes of the object is not. */
function decodePatched(decode: () => Decoded): Decoded {
  try {
    return decode();
  } catch (error) {
    if (error instanceof ApiFault && error.status.code === 400) throw unprocessable(error.message);
    throw error;
  }
}

export async function patch(server: ServerContext, request: ApiRequest): Promise<Reply> {
  if (applyTypes.includes(mediaType(request.contentType))) return apply(server, request);
  const { kind, namespace, name = "", subresource } = request;
  // First of all whether it is a patch: a client whose type is refused (415) tries another one.
  const patched = await readPatch(request, kind.schema);
  if (request.query.has("force")) {
    throw invalidOption("PatchOptions", forbidden("force", "may not be specified for non-apply patch"));
  }
  const options = parseWriteOptions(request);
  const duplicates = duplicatesIn(request, patch, options);
  const change = (live: StoredObject): { object: StoredObject; warnings: readonly string[] } => {
    const revision = live.metadata.resourceVersion;
    const decoded = decodePatched(() => decodeObject(patched(live), kind, options, duplicates));
    alignWithUrl(decoded.object, request);
    // A patch that does not name a revision of its own may be tried again on a newer object.
    if (decoded.object.metadata.resourceVersion === revision) delete writableMeta(decoded.object).resourceVersion;
    return decoded;
  };
  const part = partOf(kind, subresource);
  const written = await updateObject(server, { kind, namespace, name, part, subresource, writer: options, change });
  return { type: "object", kind, value: written.value, warnings: written.warnings };
}
