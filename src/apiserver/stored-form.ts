/**
 * One object, served as several kinds: what is stored has one form, and becomes the other ones when it is read. A definition's webhook
 * may have to make them: then `loadForms` waits for it before anything asks for a form.
 */
import { cloneJson } from "../api/json.ts";
import type { Kind } from "../api/kind.ts";
import { apiVersionOf } from "../api/resource.ts";
import { internalError } from "../api/status.ts";
import { objectOf, type StoredObject } from "./codec.ts";

/** By kind (another one after each change of its definition), then by the stored bytes. */
const made = new WeakMap<Kind, WeakMap<Buffer, Buffer>>();

function formsOf(kind: Kind): WeakMap<Buffer, Buffer> {
  const known = made.get(kind);
  if (known) return known;
  const forms = new WeakMap<Buffer, Buffer>();
  made.set(kind, forms);
  return forms;
}

/** The stored bytes as `kind` shows them; most kinds are stored as they are shown. */
export function shownForm(kind: Kind, value: Buffer): Buffer {
  if (!kind.stored) return value;
  const forms = formsOf(kind);
  const known = forms.get(value);
  if (known) return known;
  const object = objectOf(value);
  if (object.apiVersion === apiVersionOf(kind)) return value;
  if (kind.stored.convert) throw internalError(`${kind.kind} ${object.metadata.name} is not converted yet`);
  const shown = Buffer.from(JSON.stringify(kind.stored.fromStored(object)));
  forms.set(value, shown);
  return shown;
}

/** The object that `kind` shows. It is shared: never change it. */
export const shownObject = (kind: Kind, value: Buffer): StoredObject => objectOf(shownForm(kind, value));

/** Those that a webhook must turn into the kind's form. */
function toConvert(kind: Kind, values: readonly Buffer[]): Buffer[] {
  if (!kind.stored?.convert) return [];
  const forms = formsOf(kind);
  const apiVersion = apiVersionOf(kind);
  return values.filter((value) => !forms.has(value) && objectOf(value).apiVersion !== apiVersion);
}

/** Undefined: the forms are all at hand. Throws ApiFault (500) when the webhook fails. */
export function loadForms(kind: Kind, values: readonly Buffer[]): Promise<void> | undefined {
  const missing = toConvert(kind, values);
  return missing.length > 0 ? convertAll(kind, missing) : undefined;
}

async function convertAll(kind: Kind, values: readonly Buffer[]): Promise<void> {
  const objects = values.map((value) => cloneJson(objectOf(value)));
  const converted = (await kind.stored?.convert?.(objects, kind.version)) ?? [];
  const forms = formsOf(kind);
  for (const [index, value] of values.entries()) {
    const object = converted[index];
    if (object) forms.set(value, Buffer.from(JSON.stringify(object)));
  }
}

/** The object as it is stored: a promise where a webhook must be asked. */
export function storedForm(kind: Kind, object: StoredObject): StoredObject | Promise<StoredObject> {
  const { stored } = kind;
  if (!stored) return object;
  if (!stored.convert || stored.version === kind.version) return stored.toStored(object);
  return stored.convert([cloneJson(object)], stored.version ?? kind.version).then(([converted]) => converted ?? object);
}

/** The object of one kind as an equivalent one. */
export async function convertedForm(kind: Kind, as: Kind, object: StoredObject): Promise<StoredObject> {
  if (as === kind) return object;
  if (as.stored?.convert) {
    const [converted] = await as.stored.convert([cloneJson(object)], as.version);
    return converted ?? object;
  }
  const stored = kind.stored ? kind.stored.toStored(cloneJson(object)) : cloneJson(object);
  return (as.stored ? as.stored.fromStored(stored as never) : stored) as StoredObject;
}
