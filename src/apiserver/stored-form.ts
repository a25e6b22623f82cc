/** One object, served as several kinds: what is stored has one form, and becomes the other ones when it is read. */
import type { Kind } from "../api/kind.ts";
import { apiVersionOf } from "../api/resource.ts";
import { objectOf, type StoredObject } from "./codec.ts";

const made = new WeakMap<Buffer, Map<string, Buffer>>();

/** The stored bytes as `kind` shows them; most kinds are stored as they are shown. */
export function shownForm(kind: Kind, value: Buffer): Buffer {
  if (!kind.stored) return value;
  const apiVersion = apiVersionOf(kind);
  const known = made.get(value)?.get(apiVersion);
  if (known) return known;
  const object = objectOf(value);
  if (object.apiVersion === apiVersion) return value;
  const shown = Buffer.from(JSON.stringify(kind.stored.fromStored(object)));
  const forms = made.get(value) ?? new Map<string, Buffer>();
  made.set(value, forms.set(apiVersion, shown));
  return shown;
}

/** The object that `kind` shows. It is shared: never change it. */
export const shownObject = (kind: Kind, value: Buffer): StoredObject => objectOf(shownForm(kind, value));

/** The object as it is stored. */
export const storedForm = (kind: Kind, object: StoredObject): StoredObject =>
  kind.stored ? kind.stored.toStored(object) : object;
