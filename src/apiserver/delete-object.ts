/** Deletes one object, at once or by marking it. */

import type { JsonObject } from "../api/json.ts";
import { cloneJson } from "../api/json.ts";
import type { Kind } from "../api/kind.ts";
import { conflict, notFound, preconditionFailed, warned } from "../api/status.ts";
import { type Entry, RevisionConflictError } from "../store/store.ts";
import type { Requester } from "./admission/dynamic/attributes.ts";
import { encodeObject, type StoredObject } from "./codec.ts";
import type { ServerContext } from "./context.ts";
import { type DeleteOptions, decideDeletion } from "./deletion.ts";
import { isNamespaceKind, objectStoreKey } from "./keys.ts";
import { requireMortal } from "./namespace-lifecycle.ts";
import { removeEntry } from "./remove-entry.ts";
import { loadForms, shownObject, storedForm } from "./stored-form.ts";

export interface Deleted {
  /** The object's last or present state. */
  readonly value: Buffer;
  /** False: it waits for its finalizers or its agent. */
  readonly gone: boolean;
  readonly warnings: readonly string[];
}

export interface DeleteTarget {
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly options: DeleteOptions;
  readonly dryRun: boolean;
  /** Who asks for it; undefined: it is not admitted by webhooks and policies. */
  readonly requester?: Requester;
  /** One of a collection, which nobody has named. */
  readonly unnamed?: boolean;
}

const attempts = 20;

function checkPreconditions({ kind, name, options }: DeleteTarget, old: StoredObject): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const { metadata } = old;
  if (uid && uid !== metadata.uid) {
    throw preconditionFailed(kind, name, "UID", { asked: uid, actual: metadata.uid ?? "" });
  }
  if (resourceVersion && resourceVersion !== metadata.resourceVersion) {
    throw preconditionFailed(kind, name, "ResourceVersion", {
      asked: resourceVersion,
      actual: metadata.resourceVersion ?? "",
    });
  }
}

/** DeleteOptions, as far as some were named. */
function sentOptions({ gracePeriodSeconds, propagationPolicy, preconditions }: DeleteOptions): JsonObject {
  const named = { gracePeriodSeconds, propagationPolicy, preconditions };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}

/** Asks webhooks and policies; what they warn of. Throws ApiFault. */
async function admit(server: ServerContext, target: DeleteTarget, old: StoredObject): Promise<readonly string[]> {
  const { kind, namespace = "", name, options, dryRun, requester, unnamed } = target;
  const gate = server.admission.gateOf(kind, "", "DELETE", requester);
  if (!gate || !requester) return [];
  const warnings: string[] = [];
  const attributes = {
    ...{ operation: "DELETE" as const, kind, subresource: "", dryRun },
    ...{ namespace: isNamespaceKind(kind) ? name : namespace, name: unnamed ? "" : name },
    ...{ object: null, oldObject: old as unknown as JsonObject },
    requester: { ...requester, sent: sentOptions(options) },
  };
  return warned(warnings, async () => {
    await gate.mutate(attributes, warnings);
    await gate.validate(attributes, warnings);
    return warnings;
  });
}

async function attempt(server: ServerContext, target: DeleteTarget, entry: Entry): Promise<Deleted | "conflict"> {
  const { kind, options, dryRun } = target;
  await loadForms(kind, [entry.value]);
  const old = shownObject(kind, entry.value);
  checkPreconditions(target, old);
  const warnings = await admit(server, target, old);
  const decision = decideDeletion(old, { kind, options, nowMs: server.clock.now() });
  if (dryRun || decision.kind === "pending") {
    return { value: entry.value, gone: decision.kind === "remove", warnings };
  }
  try {
    if (decision.kind === "remove") {
      const removed = await removeEntry(server, { kind, entry, object: cloneJson(old) });
      return { value: removed.value, gone: true, warnings };
    }
    const marked = await server.store.update(
      entry.key,
      entry.revision,
      encodeObject(await storedForm(kind, decision.object)),
    );
    return { value: marked.value, gone: false, warnings };
  } catch (error) {
    if (error instanceof RevisionConflictError) return "conflict";
    throw error;
  }
}

/** Throws ApiFault: 404, 409 for preconditions that do not hold, 403 for namespaces that must stay. */
export async function deleteObject(server: ServerContext, target: DeleteTarget): Promise<Deleted> {
  const { kind, namespace, name } = target;
  requireMortal(kind, name);
  const key = objectStoreKey(kind, namespace, name);
  for (let tried = 0; tried < attempts; tried++) {
    const entry = await server.store.get(key);
    if (!entry) throw notFound(kind, name);
    const deleted = await attempt(server, target, entry);
    if (deleted !== "conflict") return deleted;
  }
  throw conflict(kind, name);
}
