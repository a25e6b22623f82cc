/** What a namespace's state allows. Source: admission plugin NamespaceLifecycle. */
import type { Kind } from "../api/kind.ts";
import { namespaces } from "../api/resource.ts";
import { type ApiFault, forbidden, notFound } from "../api/status.ts";
import type { Store } from "../store/store.ts";
import { objectOf } from "./codec.ts";
import { isNamespaceKind, objectStoreKey } from "./keys.ts";

const immortal = new Set(["default", "kube-system", "kube-public"]);

function terminating(kind: Kind, name: string, namespace: string): ApiFault {
  const fault = forbidden(
    kind,
    name,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
  );
  const cause = {
    reason: "NamespaceTerminating",
    message: `namespace ${namespace} is being terminated`,
    field: "metadata.namespace",
  };
  Object.assign(fault.status, { details: { ...fault.status.details, causes: [cause] } });
  return fault;
}

/** Throws a fault unless objects may be made in `namespace`. */
export async function requireOpenNamespace(
  store: Store,
  { kind, name, namespace }: { kind: Kind; name: string; namespace: string | undefined },
): Promise<void> {
  if (!kind.namespaced || namespace === undefined) return;
  const entry = await store.get(objectStoreKey(namespaces, undefined, namespace));
  if (!entry) throw notFound(namespaces, namespace);
  if (objectOf(entry.value).metadata.deletionTimestamp) throw terminating(kind, name, namespace);
}

/** Throws a fault for the namespaces that a cluster can not be without. */
export function requireMortal(kind: Kind, name: string): void {
  if (isNamespaceKind(kind) && immortal.has(name)) {
    throw forbidden(kind, name, "this namespace may not be deleted");
  }
}
