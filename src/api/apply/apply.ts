/**
 * Ownership of fields: server-side apply, and the bookkeeping of all other writes.
 * Source: Kubernetes "Server-Side Apply" (field management, conflicts, merge strategy).
 */
import type { ManagedFieldsEntry } from "kubernetes-types/meta/v1";
import { isJsonObject, type JsonObject } from "../json.ts";
import type { KubeObject } from "../object.ts";
import { type FieldType, objectType } from "../schema-table.ts";
import { badRequest } from "../status.ts";
import { checkKeys } from "./check-keys.ts";
import { conflictFault, type FieldConflict } from "./conflicts.ts";
import { difference, emptySet, type FieldSet, intersection, isEmptySet, union, withoutElements } from "./field-set.ts";
import { lastApplied, withLastApplied } from "./last-applied.ts";
import {
  capOwners,
  formatManagedFields,
  type Owned,
  type Owner,
  ownable,
  ownersOf,
  sameOwner,
} from "./managed-fields.ts";
import { mergeApplied } from "./merge.ts";
import { appliedFields, type Comparison, compareFields, removeFields, withNamedParents } from "./owned-fields.ts";
import { skeleton } from "./skeleton.ts";

export interface Write {
  /** E.g. "io.k8s.api.core.v1.Service". */
  readonly schema: string;
  readonly manager: string;
  readonly apiVersion: string;
  /** RFC 3339, whole seconds. */
  readonly time: string;
  readonly subresource?: string;
  /** The kind keeps its status for the status subresource, so a write to one half owns nothing of the other. */
  readonly hasStatus?: boolean;
}

/** Paths that this write cannot change, and so cannot own. */
function reachable(fields: FieldSet, { subresource, hasStatus }: Write): FieldSet {
  if (subresource === "status")
    return withoutElements(fields, (element) => element !== "f:status" && element !== "f:metadata");
  return hasStatus ? withoutElements(fields, (element) => element === "f:status") : fields;
}

function compareOwnable(before: unknown, after: unknown, type: FieldType): Comparison {
  const { added, modified, removed } = compareFields(before, after, type);
  return { added: ownable(added), modified: ownable(modified), removed: ownable(removed) };
}

/** The rest is reset before anything is written: it conflicts with nobody (service-api S6). */
function reachableChange({ added, modified, removed }: Comparison, write: Write): Comparison {
  const only = (fields: FieldSet): FieldSet => reachable(fields, write);
  return { added: only(added), modified: only(modified), removed: only(removed) };
}

/** What a change takes from everyone but its maker. */
function release(owners: readonly Owned[], maker: Owner, { added, modified, removed }: Comparison): Owned[] {
  const changed = union(union(added, modified), removed);
  return owners
    .map((owner) => (sameOwner(owner, maker) ? owner : { ...owner, fields: difference(owner.fields, changed) }))
    .filter(({ fields }) => !isEmptySet(fields));
}

/** Sets what `maker` owns; its time moves only when that changes. */
function assign(owners: readonly Owned[], maker: Owner & { time: string }, fields: FieldSet): Owned[] {
  const before = owners.find((owner) => sameOwner(owner, maker));
  const others = owners.filter((owner) => owner !== before);
  if (isEmptySet(fields)) return others;
  const unchanged =
    before && isEmptySet(difference(fields, before.fields)) && isEmptySet(difference(before.fields, fields));
  return [...others, unchanged ? before : { ...maker, fields }];
}

const ownerOf = ({ manager, apiVersion, subresource = "", time }: Write, operation: "Apply" | "Update") => ({
  manager,
  apiVersion,
  subresource,
  operation,
  time,
});

/**
 * The managedFields of `next` after a create, update or patch by `write.manager`; `old` is undefined for a create.
 * Call it when defaults are filled in and before the system allocates, so that allocated values have no owner.
 */
export function updateManagedFields(old: KubeObject | undefined, next: KubeObject, write: Write): ManagedFieldsEntry[] {
  const type = objectType(write.schema);
  const maker = ownerOf(write, "Update");
  const owners = ownersOf(next, old, maker.subresource);
  const change = compareOwnable({ ...skeleton(write.schema), ...old }, next, type);
  const left = release(owners, maker, change);
  const mine = left.find((owner) => sameOwner(owner, maker))?.fields ?? emptySet;
  const fields = reachable(union(difference(mine, change.removed), union(change.added, change.modified)), write);
  return formatManagedFields(capOwners(assign(left, maker, fields)));
}

/** Fields that the applier gave up and that nobody else owns go; what nobody can own stays, like `metadata` itself. */
function prune(merged: unknown, given: FieldSet, owners: readonly Owned[], type: FieldType): unknown {
  const kept = withNamedParents(owners.map(({ fields }) => fields).reduce(union, emptySet), type);
  return removeFields(merged, type, ownable(difference(withNamedParents(given, type), kept)));
}

function conflictsOf(owners: readonly Owned[], maker: Owner, { added, modified }: Comparison): FieldConflict[] {
  const changed = union(added, modified);
  return owners
    .filter((owner) => !sameOwner(owner, maker))
    .map((owner) => ({ owner, fields: intersection(owner.fields, changed) }))
    .filter(({ fields }) => !isEmptySet(fields));
}

/** An object from before ownership was kept: its fields belong to an owner of that name. */
function ownersOfLive(live: KubeObject, type: FieldType, write: Write): Owned[] {
  const owners = ownersOf(live, live, "");
  if (owners.length > 0 || !live.metadata.uid) return owners;
  const maker = { ...ownerOf(write, "Update"), manager: "before-first-apply", subresource: "" };
  return [{ ...maker, fields: ownable(appliedFields(live, type)) }];
}

/** kubectl's client-side apply left its configuration in an annotation: kubectl may take those fields over. */
function withoutLastApplied(
  conflicts: readonly FieldConflict[],
  live: KubeObject | undefined,
  { manager, schema }: Write,
): FieldConflict[] {
  const before = manager === "kubectl" ? lastApplied(live) : undefined;
  if (!before) return [...conflicts];
  const fields = appliedFields(before, objectType(schema));
  return conflicts
    .map((conflict) => ({ ...conflict, fields: difference(conflict.fields, fields) }))
    .filter((conflict) => !isEmptySet(conflict.fields));
}

function isKubeObject(value: unknown): value is KubeObject {
  return (
    isJsonObject(value) &&
    typeof value.apiVersion === "string" &&
    typeof value.kind === "string" &&
    isJsonObject(value.metadata)
  );
}

function configOf(applied: JsonObject): JsonObject {
  const { managedFields, ...metadata } = isJsonObject(applied.metadata) ? applied.metadata : {};
  return { ...applied, metadata };
}

/**
 * Server-side apply: `applied` merged into `live` (undefined: it is created), with `metadata.managedFields` as it then is.
 * `applied` must be decoded and free of defaults. Throws ApiFault (409) for conflicts, unless `force`.
 */
export function applyObject(
  live: KubeObject | undefined,
  applied: JsonObject,
  write: Write & { readonly force?: boolean },
): KubeObject {
  const type = objectType(write.schema);
  const maker = ownerOf(write, "Apply");
  const config = configOf(applied);
  checkKeys(config, type);
  const before = live ? ownersOfLive(live, type, write) : [];
  const given = before.find((owner) => sameOwner(owner, maker))?.fields ?? emptySet;
  const owners = assign(before, maker, reachable(ownable(appliedFields(config, type)), write));
  const merged = live ? prune(mergeApplied(live, config, type), given, owners, type) : config;
  if (!isKubeObject(merged)) throw badRequest("an applied object must have apiVersion, kind and metadata");
  const change = reachableChange(compareOwnable(live ?? {}, merged, type), write);
  const conflicts = write.force ? [] : withoutLastApplied(conflictsOf(owners, maker, change), live, write);
  if (conflicts.length > 0) throw conflictFault(conflicts);
  const managedFields = formatManagedFields(release(owners, maker, change));
  const metadata = live ? withLastApplied(merged.metadata, live, { config, manager: write.manager }) : merged.metadata;
  return { ...merged, metadata: { ...metadata, managedFields } };
}
