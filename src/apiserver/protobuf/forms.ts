/** Answers in the protobuf form, out of stored objects. Loaded when a client first asks for it. */
import { isJsonObject } from "../../api/json.ts";
import type { Kind } from "../../api/kind.ts";
import { apiVersionOf } from "../../api/resource.ts";
import { readOnce } from "../codec.ts";
import type { ListHead } from "../forms.ts";
import type { Form } from "../negotiate.ts";
import { shownForm } from "../stored-form.ts";
import { encodeMessage, encodeParts, envelope, fieldHead, watchFrame } from "./encode.ts";
import { schemaOf } from "./field-numbers.ts";

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
const metaVersion = "meta.k8s.io/v1";

/** Messages by the object's bytes: as weak as those. */
const made = new WeakMap<Buffer, Buffer>();
const madeMetadata = new WeakMap<Buffer, Buffer>();

function messageOf(kind: Kind, value: Buffer, form: Form): Buffer {
  const known = form === "metadata" ? madeMetadata : made;
  const before = known.get(value);
  if (before) return before;
  // The message is what is kept.
  const object = readOnce(value);
  const message =
    form === "metadata"
      ? encodeParts([[1, encodeMessage(`${meta}.ObjectMeta`, object.metadata)]])
      : encodeMessage(kind.schema, object);
  known.set(value, message);
  return message;
}

const namesOf = (kind: Kind, form: Form): [apiVersion: string, kind: string] =>
  form === "metadata" ? [metaVersion, "PartialObjectMetadata"] : [apiVersionOf(kind), kind.kind];

export function protobufObject(kind: Kind, stored: Buffer, form: Form): Buffer {
  return envelope(...namesOf(kind, form), [messageOf(kind, shownForm(kind, stored), form)]);
}

export function protobufList(kind: Kind, stored: readonly Buffer[], head: ListHead, form: Form): Buffer {
  const metadata = encodeMessage(`${meta}.ListMeta`, head);
  const parts = [fieldHead(1, metadata.length), metadata];
  for (const value of stored) {
    const message = messageOf(kind, shownForm(kind, value), form);
    parts.push(fieldHead(2, message.length), message);
  }
  const [apiVersion, name] = namesOf(kind, form);
  return envelope(apiVersion, form === "json" ? (kind.listKind ?? `${name}List`) : `${name}List`, parts);
}

/** Undefined: no message of that kind is known. */
export function protobufOf(body: unknown): Buffer | undefined {
  if (!isJsonObject(body) || typeof body.apiVersion !== "string" || typeof body.kind !== "string") return undefined;
  const schema = schemaOf(body.apiVersion, body.kind);
  return schema ? envelope(body.apiVersion, body.kind, [encodeMessage(schema, body)]) : undefined;
}

export const protobufEvent = (type: string, object: Buffer): Buffer => watchFrame(type, object);

/** An object that has nothing but its metadata. */
export function protobufBare(kind: Kind, metadata: object, form: Form): Buffer {
  const message = encodeParts([[1, encodeMessage(`${meta}.ObjectMeta`, metadata)]]);
  return envelope(...namesOf(kind, form), [message]);
}

export const protobufStatus = (status: unknown): Buffer =>
  envelope("v1", "Status", [encodeMessage(`${meta}.Status`, status)]);
