/** The objects that a binding names as a policy's parameters. Source: Kubernetes "Validating Admission Policy", parameter resources. */
import type { ParamKind, ParamRef } from "kubernetes-types/admissionregistration/v1";
import type { Kind } from "../../../api/kind.ts";
import { apiVersionOf } from "../../../api/resource.ts";
import { type LabelSelectorObject, labelSelectorOf, matches } from "../../../api/selectors.ts";
import type { StoredObject } from "../../codec.ts";
import type { ServerContext } from "../../context.ts";
import { collectionPrefix, objectStoreKey } from "../../keys.ts";
import { loadForms, shownObject } from "../../stored-form.ts";

function kindOf({ kinds }: ServerContext, { apiVersion, kind }: ParamKind): Kind {
  const found = kinds.find((one) => one.kind === kind && apiVersionOf(one) === apiVersion && !one.createOnly);
  if (!found) throw new Error(`failed to find resource referenced by paramKind: '${apiVersion}, Kind=${kind}'`);
  return found;
}

function namespaceOf(kind: Kind, { namespace }: ParamRef, own: string): string | undefined {
  if (!kind.namespaced) {
    if (namespace) throw new Error("paramRef.namespace must not be provided for a cluster-scoped `paramKind`");
    return undefined;
  }
  if (namespace || own) return namespace || own;
  throw new Error("cannot use namespaced paramRef in policy binding that matches cluster-scoped resources");
}

async function read({ store }: ServerContext, kind: Kind, ref: ParamRef, namespace: string | undefined) {
  const { name, selector } = ref;
  const entry = name ? await store.get(objectStoreKey(kind, namespace, name)) : undefined;
  const entries = name ? (entry ? [entry] : []) : (await store.list(collectionPrefix(kind, namespace))).entries;
  const values = entries.map(({ value }) => value);
  await loadForms(kind, values);
  const objects = values.map((value) => shownObject(kind, value));
  if (name) return objects;
  const labels = labelSelectorOf(selector as LabelSelectorObject | undefined);
  return objects.filter(({ metadata }) => matches(labels, metadata.labels ?? {}));
}

/** Null stands for none: the policy takes none, or the binding gives none. Throws an Error that says what is wrong with the binding. */
export async function paramsOf(
  server: ServerContext,
  paramKind: ParamKind | undefined,
  paramRef: ParamRef | undefined,
  namespace: string,
): Promise<(StoredObject | null)[]> {
  if (!paramKind) return [null];
  const kind = kindOf(server, paramKind);
  if (!paramRef) return [null];
  const params = await read(server, kind, paramRef, namespaceOf(kind, paramRef, namespace));
  if (params.length === 0 && paramRef.parameterNotFoundAction === "Deny") {
    throw new Error("no params found for policy binding with `Deny` parameterNotFoundAction");
  }
  return params;
}
