/** Makes objects that the cluster cannot do without, when it starts. */

import { kinds } from "../api/kinds/mod.ts";
import type { KubeObject } from "../api/object.ts";
import { apiVersionOf, type Resource } from "../api/resource.ts";
import { apply } from "../client/apply.ts";
import type { ApiClient } from "../client/client.ts";

function resourceOf(object: KubeObject): Resource {
  const kind = kinds.find((known) => known.kind === object.kind && apiVersionOf(known) === object.apiVersion);
  if (!kind) throw new RangeError(`Cannot make a "${object.kind}": it is not served`);
  return kind;
}

/** Applied as "fairlead": what users changed beside our fields stays. */
export async function ensureObjects(client: ApiClient, objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) await apply(client, resourceOf(object), { object, fieldManager: "fairlead" });
}
