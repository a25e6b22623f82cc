/** Puts a new object into the store: defaults, admission, validation, one revision. */

import type { JsonObject } from "../api/json.ts";
import type { FieldError, Kind } from "../api/kind.ts";
import { validateMetadata } from "../api/metadata.ts";
import { generateName } from "../api/names.ts";
import {
  ApiFault,
  alreadyExists,
  badRequest,
  generateNameConflict,
  internalError,
  invalid,
  methodNotAllowed,
  warned,
} from "../api/status.ts";
import { KeyExistsError } from "../store/store.ts";
import type { Attributes, Requester } from "./admission/dynamic/attributes.ts";
import type { Gate } from "./admission/dynamic/gates.ts";
import { admitted, hookOf, type WriteHook } from "./admission/write-hook.ts";
import { encodeObject, objectOf, type StoredObject, writableMeta } from "./codec.ts";
import type { ServerContext } from "./context.ts";
import { trackFields } from "./field-management.ts";
import { isNamespaceKind, objectStoreKey } from "./keys.ts";
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
  /** Undefined: the write is not admitted by webhooks and policies. */
  readonly requester?: Requester;
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
      return (await store.create(objectStoreKey(kind, namespace, name), encodeObject(await storedForm(kind, object))))
        .value;
    } catch (error) {
      if (!(error instanceof KeyExistsError)) throw error;
      if (!generated) throw await existing(store, { kind, namespace, name });
      if (attempt >= nameAttempts) throw generateNameConflict(kind, name);
      writableMeta(object).name = generateName(base);
    }
  }
}

interface Creation {
  readonly kind: Kind;
  readonly object: StoredObject;
  readonly writer: Writer;
}

/** Webhooks see an object before it has a generated name, after what is filled in by the server's own admission. */
async function mutateNew(
  gate: Gate,
  attributes: Attributes,
  { object, generated, hook }: { object: StoredObject; generated: boolean; hook: WriteHook | undefined },
  warnings: string[],
): Promise<StoredObject> {
  const { uid, creationTimestamp, managedFields, namespace, name } = object.metadata;
  const fillIn = async (next: StoredObject): Promise<StoredObject> => {
    if (!hook?.repeatable) return next;
    await hook.ready?.(next);
    throwFaults(attributes.kind, next.metadata.name, hook.admit(next, undefined, attributes.requester.user).faults);
    return next;
  };
  if (generated) delete (object.metadata as { name?: string }).name;
  const seen = await fillIn(object);
  const given = { ...attributes, object: seen as unknown as JsonObject };
  const next = (await gate.mutate(given, warnings, fillIn)) ?? seen;
  const metadata = writableMeta(next);
  Object.assign(metadata, { uid, creationTimestamp, ...(managedFields ? { managedFields } : {}) });
  if (namespace && metadata.namespace !== namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  if (generated) metadata.name ||= name;
  return next;
}

function attributesOf({ kind, object, writer }: Creation, requester: Requester, generated: boolean): Attributes {
  const { namespace, name } = object.metadata;
  const own = generated ? "" : name;
  return {
    operation: "CREATE",
    kind,
    subresource: "",
    namespace: namespace ?? (isNamespaceKind(kind) ? own : ""),
    name: own,
    object: object as unknown as JsonObject,
    oldObject: null,
    dryRun: writer.dryRun,
    requester,
  };
}

/** `object` is a private copy of what the client sent; it may not be used afterwards. Throws ApiFault. */
export async function createObject(server: ServerContext, creation: Creation): Promise<Written> {
  const { kind, object, writer } = creation;
  const { clock } = server;
  if (kind.closed) throw closedFault(kind);
  const generated = !object.metadata.name && Boolean(object.metadata.generateName);
  prepareNewMetadata(object, clock.now());
  dropEmptyMetadata(object);
  const { name, namespace } = object.metadata;
  await requireOpenNamespace(server.store, { kind, name, namespace });
  kind.setDefaults?.(object);
  // What the server itself adds from here on has no owner.
  if (!writer.tracked) {
    trackFields(object, undefined, { kind, manager: writer.fieldManager, subresource: undefined, nowMs: clock.now() });
  }
  const { requester } = writer;
  const gate = server.admission.gateOf(kind, "", "CREATE", requester);
  if (!gate || !requester) return finish(server, creation, { generated, warnings: [] });
  const attributes = attributesOf(creation, requester, generated);
  const warnings: string[] = [];
  return warned(warnings, async () => {
    const hook = hookOf(server.hooks, kind);
    const next = await mutateNew(gate, attributes, { object, generated, hook }, warnings);
    dropEmptyMetadata(next);
    const validate = (): Promise<void> => {
      return gate.validate(
        { ...attributes, name: next.metadata.name, object: next as unknown as JsonObject },
        warnings,
      );
    };
    return finish(server, { ...creation, object: next }, { generated, warnings, validate });
  });
}

/** From the server's own admission on. `validate`: what policies and webhooks say of the object that is to be stored. */
async function finish(
  server: ServerContext,
  { kind, object, writer }: Creation,
  { generated, warnings: told, validate }: { generated: boolean; warnings: string[]; validate?: () => Promise<void> },
): Promise<Written> {
  const { store, hooks } = server;
  const { name, namespace } = object.metadata;
  kind.prepareForCreate?.(object);
  const hook = hookOf(hooks, kind);
  if (hook?.ready) await hook.ready(object);
  const admission = hook?.admit(object, undefined, writer.user) ?? admitted;
  try {
    throwFaults(kind, name, admission.faults);
    throwFaults(kind, name, [...validateMetadata(object, kind), ...(kind.validate?.(object) ?? [])]);
    if (validate) await validate();
    const warnings = [...told, ...(kind.warnings?.(object, undefined) ?? []), ...(admission.warnings ?? [])];
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
