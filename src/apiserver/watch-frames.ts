/** The bytes of watch events. A frame is made once and shared by all watchers that get it in the same turn. */

import type { Kind } from "../api/kind.ts";
import { apiVersionOf } from "../api/resource.ts";
import { objectOf, type StoredObject } from "./codec.ts";
import { toMetadata, toTable } from "./forms.ts";
import type { Form } from "./negotiate.ts";
import { shownForm } from "./stored-form.ts";

export type FrameType = "ADDED" | "MODIFIED" | "DELETED";

export interface FrameStyle {
  readonly kind: Kind;
  readonly form: Form;
  /** The writer of protobuf; undefined: JSON. */
  readonly protobuf: typeof import("./protobuf/forms.ts") | undefined;
  /** The query parameter includeObject of tables. */
  readonly includeObject: string | null;
  /** For ages in tables. */
  readonly now: () => number;
}

const newline = Buffer.from("}\n");
const heads = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
} as const;

/** Frames by the object's bytes and the style; emptied at the end of the turn, when all watchers have theirs. */
const made = new Map<Buffer, Map<string, Buffer>>();

function remember(value: Buffer): Map<string, Buffer> {
  const known = made.get(value);
  if (known) return known;
  if (made.size === 0) setImmediate(() => made.clear());
  const styles = new Map<string, Buffer>();
  made.set(value, styles);
  return styles;
}

function bodyOf(stored: Buffer, { kind, form, includeObject, now }: FrameStyle): Buffer {
  const value = shownForm(kind, stored);
  if (form === "json") return value;
  const object = objectOf(value);
  const body = form === "table" ? toTable(kind, [object], { includeObject, now: now() }) : toMetadata(object);
  return Buffer.from(JSON.stringify(body));
}

/** `{"type":"ADDED","object":{…}}` and a newline; in protobuf a frame with its length. */
export function eventFrame(type: FrameType, value: Buffer, style: FrameStyle): Buffer {
  const styles = remember(value);
  const version = style.kind.stored ? apiVersionOf(style.kind) : "";
  const key = `${type} ${style.protobuf ? "protobuf" : ""} ${style.form} ${style.includeObject ?? ""} ${version}`;
  let frame = styles.get(key);
  if (!frame) {
    frame = makeFrame(type, value, style);
    styles.set(key, frame);
  }
  return frame;
}

/** A frame for one watcher. */
export function makeFrame(type: FrameType, value: Buffer, style: FrameStyle): Buffer {
  return makeFrames(type, [value], style);
}

/** The frames of many objects, one after the other. */
export function makeFrames(type: FrameType, values: readonly Buffer[], style: FrameStyle): Buffer {
  const { protobuf, kind, form } = style;
  if (protobuf) return protobuf.protobufEvents(type, kind, values, form);
  return Buffer.concat(values.flatMap((value) => [heads[type], bodyOf(value, style), newline]));
}

/** An object that left a selection: its state before, at the revision of the change that took it out. */
export function leavingFrame(before: StoredObject, revision: number, style: FrameStyle): Buffer {
  const metadata = { ...before.metadata, resourceVersion: String(revision) };
  return makeFrame("DELETED", Buffer.from(JSON.stringify({ ...before, metadata })), style);
}

const initialEventsEnd = "k8s.io/initial-events-end";

/** Tells a client how far it is, so that it can go on from there. `initial`: all that was there has been sent. */
export function bookmarkFrame(
  { kind, form, protobuf }: Pick<FrameStyle, "kind" | "form" | "protobuf">,
  revision: number,
  { initial = false } = {},
): Buffer {
  const annotations = initial ? { annotations: { [initialEventsEnd]: "true" } } : {};
  const metadata = { resourceVersion: String(revision), creationTimestamp: null, ...annotations };
  if (protobuf) return protobuf.protobufEvent("BOOKMARK", protobuf.protobufBare(kind, metadata, form));
  const named =
    form === "metadata"
      ? { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1" }
      : { kind: kind.kind, apiVersion: apiVersionOf(kind) };
  return Buffer.from(`${JSON.stringify({ type: "BOOKMARK", object: { ...named, metadata } })}\n`);
}

export function errorFrame({ protobuf }: Pick<FrameStyle, "protobuf">, status: unknown): Buffer {
  if (protobuf) return protobuf.protobufEvent("ERROR", protobuf.protobufStatus(status));
  return Buffer.from(`${JSON.stringify({ type: "ERROR", object: status })}\n`);
}
