/** Answers in the protobuf form, out of stored objects. Loaded when a client first asks for it. */
import { isJsonObject } from "../../api/json.ts";
import type { Kind } from "../../api/kind.ts";
import { apiVersionOf } from "../../api/resource.ts";
import type { ListHead } from "../forms.ts";
import type { Form } from "../negotiate.ts";
import { shownForm } from "../stored-form.ts";
import {
  encodeMessage,
  envelope,
  envelopeStart,
  eventStart,
  partialObject,
  watchFrame,
  writeEnvelope,
  writeFrame,
  writeMessage,
  writer,
} from "./encode.ts";
import { schemaOf } from "./field-numbers.ts";

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
const metaVersion = "meta.k8s.io/v1";

/** Of an item of a list, in bytes. */
const longestHead = 8;

/** Messages by the object's bytes: as weak as those. */
const made = new WeakMap<Buffer, Buffer>();
const madeMetadata = new WeakMap<Buffer, Buffer>();

const madeOf = (form: Form): WeakMap<Buffer, Buffer> => (form === "metadata" ? madeMetadata : made);

function writeObject(kind: Kind, stored: Buffer, form: Form): void {
  const value = shownForm(kind, stored);
  const known = madeOf(form);
  const message = known.get(value);
  if (message) {
    writer.bytes(message);
    return;
  }
  const before = writer.length;
  writeMessage(form === "metadata" ? partialObject : kind.schema, value);
  known.set(value, writer.copyOf(writer.length - before));
}

const namesOf = (kind: Kind, form: Form): [apiVersion: string, kind: string] =>
  form === "metadata" ? [metaVersion, "PartialObjectMetadata"] : [apiVersionOf(kind), kind.kind];

export function protobufObject(kind: Kind, stored: Buffer, form: Form): Buffer {
  const start = envelopeStart(...namesOf(kind, form));
  writeObject(kind, stored, form);
  writeEnvelope(start, 0);
  return writer.take();
}

export function protobufList(kind: Kind, stored: readonly Buffer[], head: ListHead, form: Form): Buffer {
  const [apiVersion, name] = namesOf(kind, form);
  const start = envelopeStart(apiVersion, form === "json" ? (kind.listKind ?? `${name}List`) : `${name}List`);
  const metadata = encodeMessage(`${meta}.ListMeta`, head);
  const known = madeOf(form);
  writer.reserve(stored.reduce((sum, value) => sum + (known.get(value) ?? value).length + longestHead, longestHead));
  for (const value of stored.toReversed()) {
    const before = writer.length;
    writeObject(kind, value, form);
    writer.head(2, writer.length - before);
  }
  writer.bytes(metadata);
  writer.head(1, metadata.length);
  writeEnvelope(start, 0);
  return writer.take();
}

/** The frames of one type, one after the other. */
export function protobufEvents(type: string, kind: Kind, stored: readonly Buffer[], form: Form): Buffer {
  const start = envelopeStart(...namesOf(kind, form));
  const event = eventStart(type);
  for (const value of stored.toReversed()) {
    const before = writer.length;
    writeObject(kind, value, form);
    writeEnvelope(start, before);
    writeFrame(event, before);
  }
  return writer.take();
}

/** Undefined: no message of that kind is known. */
export function protobufOf(body: unknown): Buffer | undefined {
  if (!isJsonObject(body) || typeof body.apiVersion !== "string" || typeof body.kind !== "string") return undefined;
  const schema = schemaOf(body.apiVersion, body.kind);
  return schema ? envelope(body.apiVersion, body.kind, encodeMessage(schema, body)) : undefined;
}

/** An object that has nothing but its metadata. */
export function protobufBare(kind: Kind, metadata: object, form: Form): Buffer {
  return envelope(...namesOf(kind, form), encodeMessage(partialObject, { metadata }));
}

export const protobufStatus = (status: unknown): Buffer =>
  envelope("v1", "Status", encodeMessage(`${meta}.Status`, status));

export const protobufEvent = watchFrame;

/** The answer has gone out, nobody looks at its bytes any more: their memory serves the next one. */
export const giveBack = (answer: Buffer): void => writer.giveBack(answer);
