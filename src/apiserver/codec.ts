/** Objects and the bytes that the store keeps of them. */
import type { KubeObject, ObjectMeta } from "../api/object.ts";
import type { Encode } from "../store/store.ts";

/** An object as the generic machinery handles it. */
export type StoredObject = KubeObject & { spec?: unknown; status?: unknown };

/** Metadata that the server itself is about to write. */
export type WritableMeta = { -readonly [Field in keyof ObjectMeta]: ObjectMeta[Field] };

export const writableMeta = (object: KubeObject): WritableMeta => object.metadata;

/** Weak on both sides: bytes stay in the store for long, the parsed form only while it is of use. */
const parsed = new WeakMap<Buffer, WeakRef<StoredObject>>();

/** The object of stored bytes. It is shared: never change it. */
export function objectOf(value: Buffer): StoredObject {
  const known = parsed.get(value)?.deref();
  if (known) return known;
  const object = JSON.parse(value.toString()) as StoredObject;
  parsed.set(value, new WeakRef(object));
  return object;
}

/** Final bytes of `object` once its revision is known. The object must not change afterwards. */
export function encodeObject(object: StoredObject): Encode {
  return (revision) => {
    writableMeta(object).resourceVersion = String(revision);
    const value = Buffer.from(JSON.stringify(object));
    parsed.set(value, new WeakRef(object));
    return value;
  };
}
