/** What a patch made of an object, in the form of the kind that the patch was made for. */
import { type JsonObject, jsonEqual } from "../../../api/json.ts";
import type { Kind } from "../../../api/kind.ts";
import type { StoredObject } from "../../codec.ts";
import { decodeObject } from "../../decode-object.ts";
import { convertedForm } from "../../stored-form.ts";
import type { Visit } from "./visit.ts";

/** As an object of its kind, with its defaults. Throws ApiFault. */
function readPatched(value: unknown, as: Kind): JsonObject {
  const { object } = decodeObject(value, as, { fieldValidation: "Ignore" });
  as.setDefaults?.(object);
  return object as unknown as JsonObject;
}

/** True: the request's object is another one now. Throws ApiFault for what is no such object. */
export async function takeForm(visit: Visit, as: Kind, patched: unknown): Promise<boolean> {
  const { kind, type } = visit.attributes;
  const before = (await visit.formsAs(as)).object;
  const next = type ? (patched as JsonObject) : readPatched(patched, as);
  if (jsonEqual(next, before)) return false;
  const back = as === kind || type ? next : await convertedForm(as, kind, next as unknown as StoredObject);
  visit.replaceObject(back as unknown as JsonObject);
  return true;
}
