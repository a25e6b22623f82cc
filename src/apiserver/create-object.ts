/** Puts a new object into the store: defaults, admission, validation, one revision. */

import type { FieldError, Kind } from "../api/kind.ts";
import { validateMetadata } from "../api/metadata.ts";
import { generateName } from "../api/names.ts";
import {
  ApiFault,
  alreadyExists,
  generateNameConflict,
  internalError,
  invalid,
  methodNotAllowed,
} from "../api/status.ts";
import { KeyExistsError } from "../store/store.ts";
import { admitted, hookOf } from "./admission/write-hook.ts";
import { encodeObject, objectOf, type StoredObject, writableMeta } from "./codec.ts";
import type { ServerContext } from "./context.ts";
import { trackFields } from "./field-management.ts";
import { objectStoreKey } from "./keys.ts";
import { requireOpenNamespace } from "./namespace-lifecycle.ts";
import { dropEmptyMetadata, prepareNewMetadata } from "./object-metadata.ts";
import type { User } from "./request.ts";
import { storedForm } from "./stored-form.ts";

export interface Written {
  readonly value: Buffer;
  readonly created: boolean;
  readonly warnings: readonly string[];
}

export interface Writer {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  /** Who writes; undefined: the server itself, which may grant any role. */
  readonly user?: User;
  /** Server-side apply has noted the fields itself. */
  readonly tracked?: boolean;
}

const nameAttempts = 8;

/** A fault of the server itself (a range is used up) is a 500, all else a 422. */
export function throwFaults(kind: Kind, name: string, faults: readonly FieldError[]): void {
  const own = faults.find(({ reason }) => reason === "InternalError");
  if (own) throw internalError(own.detail.replace(/^Internal error: /, ""));
  if (faults.length > 0) throw invalid(kind, name, faults);
}

/** The object as a dry run shows it: without a revision. */
function unsavedValue(object: StoredObject): Buffer {
  return Buffer.from(JSON.stringify(object));
}

function closedFault(kind: Kind): ApiFault {
  const fault = methodNotAllowed(kind, "create");
  return new ApiFault({ ...fault.status, message: kind.closed ?? "" });
}

async function existing(
  store: ServerContext["store"],
  { kind, namespace, name }: { kind: Kind; namespace: string | undefined; name: string },
): Promise<ApiFault> {
  const entry = await store.get(objectStoreKey(kind, namespace, name));
  const going = entry !== undefined && objectOf(entry.value).metadata.deletionTimestamp !== undefined;
  return alreadyExists(kind, name, { going });
}

async function insert(
  { store, kind, object }: { store: ServerContext["store"]; kind: Kind; object: StoredObject },
  generated: boolean,
): Promise<Buffer> {
  const { namespace } = object.metadata;
  for (let attempt = 1; ; attempt++) {
    const { name, generateName: base = "" } = object.metadata;
    try {
      return (await store.create(objectStoreKey(kind, namespace, name), encodeObject(storedForm(kind, object)))).value;
    } catch (error) {
      if (!(error instanceof KeyExistsError)) throw error;
      if (!generated) throw await existing(store, { kind, namespace, name });
      if (attempt >= nameAttempts) throw generateNameConflict(kind, name);
      writableMeta(object).name = generateName(base);
    }
  }
}

/** `object` is a private copy of what the client sent; it may not be used afterwards. Throws ApiFault. */
export async function createObject(
  server: ServerContext,
  { kind, object, writer }: { kind: Kind; object: StoredObject; writer: Writer },
): Promise<Written> {
  const { store, clock } = server;
  if (kind.closed) throw closedFault(kind);
  const generated = !object.metadata.name && Boolean(object.metadata.generateName);
  prepareNewMetadata(object, clock.now());
  dropEmptyMetadata(object);
  const { name, namespace } = object.metadata;
  await requireOpenNamespace(store, { kind, name, namespace });
  kind.setDefaults?.(object);
  // What the server itself adds from here on has no owner.
  if (!writer.tracked) {
    trackFields(object, undefined, { kind, manager: writer.fieldManager, subresource: undefined, nowMs: clock.now() });
  }
  kind.prepareForCreate?.(object);
  const hook = hookOf(server.hooks, kind);
  if (hook?.ready) await hook.ready(object);
  const admission = hook?.admit(object, undefined, writer.user) ?? admitted;
  try {
    throwFaults(kind, name, admission.faults);
    throwFaults(kind, name, [...validateMetadata(object, kind), ...(kind.validate?.(object) ?? [])]);
    const warnings = [...(kind.warnings?.(object, undefined) ?? []), ...(admission.warnings ?? [])];
    if (writer.dryRun) {
      if (await store.get(objectStoreKey(kind, namespace, name)))
        throw await existing(store, { kind, namespace, name });
      await admission.revert();
      return { value: unsavedValue(object), created: true, warnings };
    }
    const begun = admission.begin?.();
    const value = await insert({ store, kind, object }, generated);
    await begun;
    await admission.commit();
    return { value, created: true, warnings };
  } catch (error) {
    await admission.revert();
    throw error;
  }
}
