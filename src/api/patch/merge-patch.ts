/** JSON Merge Patch (RFC 7386). */
import { cloneJson, isJsonObject, type JsonObject, setField } from "../json.ts";
import { badRequest } from "../status.ts";

function merge(original: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return cloneJson(patch);
  const result: JsonObject = isJsonObject(original) ? { ...original } : {};
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete result[field];
    else setField(result, field, merge(Object.hasOwn(result, field) ? result[field] : undefined, value));
  }
  return result;
}

/** The patched copy; null in the patch removes. Throws ApiFault (400) for a patch that is no object. */
export function mergePatch(original: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) throw badRequest("a merge patch must be an object");
  return merge(cloneJson(original), patch);
}
