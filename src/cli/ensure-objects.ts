/** Makes objects that the cluster cannot do without, when it starts. */

import { kinds } from "../api/kinds/mod.ts";
import type { KubeObject } from "../api/object.ts";
import { apiVersionOf, namespaces, type Resource } from "../api/resource.ts";
import { apply } from "../client/apply.ts";
import { type ApiClient, isAlreadyExists } from "../client/client.ts";

function resourceOf(object: KubeObject): Resource {
  const kind = kinds.find((known) => known.kind === object.kind && apiVersionOf(known) === object.apiVersion);
  if (!kind) throw new RangeError(`Cannot make a "${object.kind}": it is not served`);
  return kind;
}

export async function ensureNamespace(client: ApiClient, name: string): Promise<void> {
  try {
    await client.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

/** Applied as "fairlead": what users changed beside our fields stays. */
export async function ensureObjects(client: ApiClient, objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) await apply(client, resourceOf(object), { object, fieldManager: "fairlead" });
}
