/** Objects and lists in the form that a client asked for: as they are, as a table, or their metadata only. */
import type { Kind } from "../api/kind.ts";
import { apiVersionOf } from "../api/resource.ts";
import { type IncludeObject, type Table, table } from "../api/table.ts";
import { objectOf, type StoredObject } from "./codec.ts";
import type { Form } from "./negotiate.ts";
import { shownForm } from "./stored-form.ts";

export interface ListHead {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export interface TableStyle {
  /** The query parameter includeObject. */
  readonly includeObject: string | null;
  /** Milliseconds since the epoch, for ages. */
  readonly now: number;
}

const includes = ["None", "Metadata", "Object"] as const;

export function toTable(
  kind: Kind,
  objects: readonly StoredObject[],
  { includeObject, now, head }: TableStyle & { head?: ListHead },
): Table {
  const include: IncludeObject = includes.find((known) => known === includeObject) ?? "Metadata";
  const metadata = head ?? { resourceVersion: objects[0]?.metadata.resourceVersion ?? "" };
  return table(kind.columns, objects, { include, now, metadata });
}

export function toMetadata({ metadata }: StoredObject): object {
  return { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata };
}

const comma = Buffer.from(",");
const open = Buffer.from("{");
const nextOpen = Buffer.from(",{");
const tail = Buffer.from("]}\n");

/** What follows the type in an object's bytes, which nearly always begin with it. */
function afterType(value: Buffer, prefix: Buffer): Buffer {
  if (value.subarray(0, prefix.length).equals(prefix)) return value.subarray(prefix.length);
  const { apiVersion: _, kind: __, ...rest } = objectOf(value);
  return Buffer.from(JSON.stringify(rest).slice(1));
}

/**
 * `{"kind":"PodList",…,"items":[…]}` out of the objects' own bytes. The list says what its items are, they do not say it again;
 * those of custom kinds do, as in Kubernetes.
 */
function joinList(kind: Kind, values: readonly Buffer[], head: ListHead): Buffer {
  const apiVersion = apiVersionOf(kind);
  const start = { kind: kind.listKind ?? `${kind.kind}List`, apiVersion, metadata: head };
  const parts: Buffer[] = [Buffer.from(`${JSON.stringify(start).slice(0, -1)},"items":[`)];
  const prefix = kind.decode
    ? undefined
    : Buffer.from(`${JSON.stringify({ apiVersion, kind: kind.kind }).slice(0, -1)},`);
  for (const [index, value] of values.entries()) {
    if (prefix) parts.push(index > 0 ? nextOpen : open, afterType(value, prefix));
    else if (index > 0) parts.push(comma, value);
    else parts.push(value);
  }
  parts.push(tail);
  return Buffer.concat(parts);
}

export function formatObject(kind: Kind, stored: Buffer, form: Form, style: TableStyle): Buffer {
  const value = shownForm(kind, stored);
  if (form === "json") return value;
  const object = objectOf(value);
  return Buffer.from(JSON.stringify(form === "table" ? toTable(kind, [object], style) : toMetadata(object)));
}

export function formatList(
  kind: Kind,
  { values: stored, head }: { values: readonly Buffer[]; head: ListHead },
  form: Form,
  style: TableStyle,
): Buffer {
  const values = kind.stored ? stored.map((value) => shownForm(kind, value)) : stored;
  if (form === "json") return joinList(kind, values, head);
  const objects = values.map(objectOf);
  const body =
    form === "table"
      ? toTable(kind, objects, { ...style, head })
      : {
          kind: "PartialObjectMetadataList",
          apiVersion: "meta.k8s.io/v1",
          metadata: head,
          items: objects.map(toMetadata),
        };
  return Buffer.from(JSON.stringify(body));
}
