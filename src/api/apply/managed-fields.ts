/** `metadata.managedFields` as data: who owns which fields, by which kind of write. */
import type { ManagedFieldsEntry as Entry } from "kubernetes-types/meta/v1";
import { isJsonObject } from "../json.ts";
import type { KubeObject } from "../object.ts";
import {
  difference,
  emptySet,
  type FieldSet,
  formatFieldsV1,
  isEmptySet,
  parseFieldsV1,
  setOf,
  union,
} from "./field-set.ts";

/** Two writes with equal identities are one owner. */
export interface Owner {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  /** "" for the object itself, else e.g. "status". */
  readonly subresource: string;
}

export interface Owned extends Owner {
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

/** Fields that nobody owns: the system sets them, or they say which object this is. */
const unowned = setOf(
  ["f:apiVersion"],
  ["f:kind"],
  ["f:metadata"],
  ...[
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "generation",
    "managedFields",
    "resourceVersion",
  ].map((field) => ["f:metadata", `f:${field}`]),
);

export const ownable = (fields: FieldSet): FieldSet => difference(fields, unowned);

export function sameOwner(a: Owner, b: Owner): boolean {
  return (
    a.manager === b.manager &&
    a.operation === b.operation &&
    a.apiVersion === b.apiVersion &&
    a.subresource === b.subresource
  );
}

function parseEntry({ manager = "", operation, apiVersion = "", subresource = "", time, fieldsV1 }: Entry): Owned {
  const fields = parseFieldsV1(fieldsV1);
  return { manager, operation: operation === "Apply" ? "Apply" : "Update", apiVersion, subresource, time, fields };
}

/** Entries that are no such thing are left out. */
export function parseManagedFields(entries: readonly Entry[] | undefined): Owned[] {
  return (entries ?? []).filter((entry) => isJsonObject(entry) && entry.fieldsV1 !== undefined).map(parseEntry);
}

/** The order in which entries are written: applies first, then by time, then by name. */
function inOrder(a: Owned, b: Owned): number {
  const keys = ({ operation, time = "", manager, apiVersion, subresource }: Owned) => [
    operation,
    time,
    manager,
    apiVersion,
    subresource,
  ];
  const [left, right] = [keys(a), keys(b)];
  const at = left.findIndex((key, index) => key !== right[index]);
  return at < 0 ? 0 : (left[at] ?? "") < (right[at] ?? "") ? -1 : 1;
}

export function formatManagedFields(owners: readonly Owned[]): Entry[] {
  return [...owners].sort(inOrder).map(({ fields, time, subresource, ...owner }) => ({
    ...owner,
    ...(time ? { time } : {}),
    fieldsType: "FieldsV1",
    fieldsV1: formatFieldsV1(fields),
    ...(subresource ? { subresource } : {}),
  }));
}

/** As many owners by update as are told apart; older ones share one entry. */
const maxUpdateOwners = 10;
const ancient = "ancient-changes";

/** Keeps the list short when every write has another manager: the oldest updates become one entry. */
export function capOwners(owners: readonly Owned[]): Owned[] {
  const updates = owners.filter(({ operation }) => operation === "Update").sort(inOrder);
  const excess = updates.slice(0, Math.max(0, updates.length - maxUpdateOwners + 1));
  if (updates.length <= maxUpdateOwners) return [...owners];
  const buckets = new Map<string, Owned>();
  for (const owner of excess) {
    const bucket = buckets.get(owner.apiVersion);
    const fields = union(bucket?.fields ?? emptySet, owner.fields);
    buckets.set(owner.apiVersion, { ...owner, manager: ancient, subresource: "", fields });
  }
  return [...owners.filter((owner) => !excess.includes(owner)), ...buckets.values()];
}

/** A list of one empty entry is how a client takes all ownership away. */
const isReset = (entries: readonly Entry[] | undefined): boolean =>
  entries?.length === 1 && isJsonObject(entries[0]) && Object.keys(entries[0]).length === 0;

/** Owners that a write starts from: those the client sent, if any; else the live object's. */
export function ownersOf(next: KubeObject, live: KubeObject | undefined, subresource: string): Owned[] {
  const sent = next.metadata.managedFields;
  if (!subresource && isReset(sent)) return [];
  const parsed = subresource ? [] : parseManagedFields(sent);
  const owners = parsed.length > 0 ? parsed : parseManagedFields(live?.metadata.managedFields);
  return owners.filter(({ fields }) => !isEmptySet(fields));
}
