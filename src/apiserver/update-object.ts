/** Replaces a stored object by a changed one: what belongs to the server stays, one revision if anything differs. */

import { cloneJson, type JsonObject, jsonEqual } from "../api/json.ts";
import { type Kind, userMetadata } from "../api/kind.ts";
import { validateMetadata, validateMetadataUpdate } from "../api/metadata.ts";
import { conflict, notFound, otherUid, warned } from "../api/status.ts";
import { type Entry, RevisionConflictError } from "../store/store.ts";
import type { Attributes } from "./admission/dynamic/attributes.ts";
import type { Gate } from "./admission/dynamic/gates.ts";
import { admitted, hookOf } from "./admission/write-hook.ts";
import { encodeObject, type StoredObject, writableMeta } from "./codec.ts";
import type { ServerContext } from "./context.ts";
import { throwFaults, type Writer, type Written } from "./create-object.ts";
import { endsDeletion } from "./deletion.ts";
import { trackFields } from "./field-management.ts";
import { isNamespaceKind, objectStoreKey } from "./keys.ts";
import { carryMetadata, dropEmptyMetadata } from "./object-metadata.ts";
import { removeEntry } from "./remove-entry.ts";
import { loadForms, shownObject, storedForm } from "./stored-form.ts";

/** Which part of the object a write may change. */
export type Part = "object" | "status" | "finalize" | "binding" | "spec-part";

export interface Update {
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly part: Part;
  readonly writer: Writer;
  /** The name of the subresource in managedFields. */
  readonly subresource?: string | undefined;
  /** Makes the next object out of a private copy of the stored one. Called again after a conflict. */
  readonly change: (live: StoredObject) => { object: StoredObject; warnings?: readonly string[] };
}

/** Writes that lose against others are tried again this often, if the client named no revision. */
const attempts = 20;

const specPartOf = ({ kind, subresource = "" }: Update) => kind.parts?.[subresource];

/** Only the named part of `next` counts; the rest is as stored. */
function restrict(next: StoredObject, old: StoredObject, update: Update): StoredObject {
  const { kind, part } = update;
  if (part === "object") {
    if (kind.status) {
      if (old.status === undefined) delete next.status;
      else next.status = cloneJson(old.status);
    }
    if (isNamespaceKind(kind)) next.spec = cloneJson(old.spec);
    return next;
  }
  // A binding is the server's own change of spec and status at once.
  if (part === "binding") return next;
  const restricted = cloneJson(old);
  if (next.metadata.managedFields) writableMeta(restricted).managedFields = next.metadata.managedFields;
  if (part === "spec-part") {
    specPartOf(update)?.take(restricted, next);
  } else if (part === "status") {
    if (next.status === undefined) delete restricted.status;
    else restricted.status = next.status;
    takeMetadata(restricted, next, kind);
  } else {
    restricted.spec = next.spec;
  }
  return restricted;
}

/** Labels and the like may be written together with the status. */
function takeMetadata(restricted: StoredObject, next: StoredObject, { statusKeeps = [] }: Kind): void {
  const metadata = writableMeta(restricted) as unknown as Record<string, unknown>;
  for (const field of userMetadata) {
    if (statusKeeps === "all" || statusKeeps.includes(field)) continue;
    if (next.metadata[field] === undefined) delete metadata[field];
    else metadata[field] = next.metadata[field];
  }
}

function raisesGeneration(kind: Kind, next: StoredObject, old: StoredObject): boolean {
  if (kind.raisesGeneration) return kind.raisesGeneration(next, old);
  return old.metadata.generation !== undefined && !jsonEqual(next.spec, old.spec);
}

/** Preconditions inside the object: its uid and, if given, its revision. */
function checkIdentity(next: StoredObject, old: StoredObject, { kind, name }: Update): boolean {
  const { uid, resourceVersion } = next.metadata;
  if (uid && uid !== old.metadata.uid) {
    throw otherUid(kind, name, { asked: uid, actual: old.metadata.uid ?? "" });
  }
  if (!resourceVersion) return false;
  if (resourceVersion !== old.metadata.resourceVersion) throw conflict(kind, name);
  return true;
}

interface Prepared {
  readonly object: StoredObject;
  readonly warnings: readonly string[];
  readonly pinned: boolean;
}

/** What the client wants, with what is the server's as it was; it is not yet prepared by its kind. */
function wanted(update: Update, old: StoredObject, nowMs: number): Prepared {
  const { kind, change, writer, subresource } = update;
  const { object: changed, warnings = [] } = change(cloneJson(old));
  const pinned = checkIdentity(changed, old, update);
  // By what was sent: a part of it may stand for something else beside the rest of the stored object.
  kind.setDefaults?.(changed);
  const object = restrict(changed, old, update);
  carryMetadata(object, old);
  dropEmptyMetadata(object);
  // What the server itself carries over or fills in from here on has no owner.
  if (!writer.tracked) trackFields(object, old, { kind, manager: writer.fieldManager, subresource, nowMs });
  return { object, warnings, pinned };
}

/** What webhooks and policies have to say of one attempt. */
interface Gated {
  readonly gate: Gate;
  readonly attributes: Attributes;
  readonly warnings: string[];
}

function gatedBy(server: ServerContext, update: Update, old: StoredObject): Gated | undefined {
  const { kind, subresource = "", namespace = "", name, writer } = update;
  const { requester, dryRun } = writer;
  const gate = server.admission.gateOf(kind, subresource, "UPDATE", requester);
  if (!gate || !requester) return undefined;
  const oldObject = old as unknown as JsonObject;
  const place = { namespace: isNamespaceKind(kind) ? name : namespace, name };
  const attributes: Attributes = {
    ...{ operation: "UPDATE", kind, subresource, ...place, object: null, oldObject, dryRun, requester },
  };
  return { gate, attributes, warnings: [] };
}

/** The object as webhooks leave it; only the part that may be changed counts. */
async function mutateWanted(
  { gate, attributes, warnings }: Gated,
  update: Update,
  { object, old }: { object: StoredObject; old: StoredObject },
): Promise<StoredObject> {
  const { managedFields } = object.metadata;
  const given = { ...attributes, object: object as unknown as JsonObject };
  const changed = await gate.mutate<StoredObject>(given, warnings);
  if (!changed) return object;
  if (managedFields) writableMeta(changed).managedFields = managedFields;
  const next = restrict(changed, old, update);
  carryMetadata(next, old);
  dropEmptyMetadata(next);
  return next;
}

function validate(update: Update, object: StoredObject, old: StoredObject): void {
  const { kind, part } = update;
  const faults = [...validateMetadata(object, kind, { old }), ...validateMetadataUpdate(object, old)];
  if (part === "object")
    faults.push(...(kind.validate?.(object, old) ?? []), ...(kind.validateUpdate?.(object, old) ?? []));
  if (part === "status") faults.push(...(kind.validateStatusUpdate?.(object, old) ?? []));
  if (part === "spec-part")
    faults.push(...(kind.validate?.(object, old) ?? []), ...(specPartOf(update)?.validate(object, old) ?? []));
  throwFaults(kind, object.metadata.name, faults);
}

function warningsOf({ kind, part }: Update, object: StoredObject, old: StoredObject): readonly string[] {
  if (part === "status") return kind.statusWarnings?.(object) ?? [];
  return part === "object" ? (kind.warnings?.(object, old) ?? []) : [];
}

async function attempt(server: ServerContext, update: Update, entry: Entry): Promise<Written | "conflict"> {
  const { kind, part } = update;
  await loadForms(kind, [entry.value]);
  const old = shownObject(kind, entry.value);
  const { object: next, warnings: decodeWarnings, pinned } = wanted(update, old, server.clock.now());
  const gated = gatedBy(server, update, old);
  if (!gated) {
    if (part === "object") kind.prepareForUpdate?.(next, old);
    return warned(decodeWarnings, () =>
      write(server, update, { entry, old, object: next, warnings: decodeWarnings, pinned }),
    );
  }
  const warnings = gated.warnings;
  warnings.push(...decodeWarnings);
  return warned(warnings, async () => {
    const object = await mutateWanted(gated, update, { object: next, old });
    if (part === "object") kind.prepareForUpdate?.(object, old);
    return write(server, update, { entry, old, object, warnings, pinned, gated });
  });
}

async function write(
  server: ServerContext,
  update: Update,
  { entry, old, object, warnings: told, pinned, gated }: Prepared & { entry: Entry; old: StoredObject; gated?: Gated },
): Promise<Written | "conflict"> {
  const { kind, part, writer } = update;
  const hook = part === "object" ? hookOf(server.hooks, kind) : undefined;
  const admission = hook?.admit(object, old, writer.user) ?? admitted;
  try {
    throwFaults(kind, object.metadata.name, admission.faults);
    validate(update, object, old);
    await gated?.gate.validate({ ...gated.attributes, object: object as unknown as JsonObject }, gated.warnings);
    const own = warningsOf(update, object, old);
    const warnings = [...told, ...own, ...(admission.warnings ?? [])];
    if (part !== "status" && raisesGeneration(kind, object, old)) {
      writableMeta(object).generation = (old.metadata.generation ?? 0) + 1;
    }
    const text = JSON.stringify(object);
    if (writer.dryRun || jsonEqual(JSON.parse(text), old)) {
      await admission.revert();
      return { value: writer.dryRun ? Buffer.from(text) : entry.value, created: false, warnings };
    }
    if (endsDeletion(object, kind)) {
      const removed = await removeEntry(server, { kind, entry, object });
      await admission.revert();
      return { value: removed.value, created: false, warnings };
    }
    const begun = admission.begin?.();
    const written = await server.store.update(entry.key, entry.revision, encodeObject(await storedForm(kind, object)));
    await begun;
    await admission.commit();
    return { value: written.value, created: false, warnings };
  } catch (error) {
    await admission.revert();
    if (error instanceof RevisionConflictError && !pinned) return "conflict";
    if (error instanceof RevisionConflictError)
      throw error.current ? conflict(kind, update.name) : notFound(kind, update.name);
    throw error;
  }
}

/** Throws ApiFault: 404, 409 when the client's revision is old, 422. */
export async function updateObject(server: ServerContext, update: Update): Promise<Written> {
  const { kind, namespace, name } = update;
  const key = objectStoreKey(kind, namespace, name);
  for (let tried = 0; tried < attempts; tried++) {
    const entry = await server.store.get(key);
    if (!entry) throw notFound(kind, name);
    const written = await attempt(server, update, entry);
    if (written !== "conflict") return written;
  }
  throw conflict(kind, name);
}
