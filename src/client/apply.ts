import type { KubeObject } from "../api/object.ts";
import type { Resource } from "../api/resource.ts";
import type { ApiClient, PatchOptions } from "./client.ts";

/** Server-side apply as `fieldManager`, which takes over the fields that others hold. */
export function apply<T extends KubeObject>(
  client: ApiClient,
  resource: Resource<T>,
  { object, fieldManager, ...options }: { object: T; fieldManager: string } & Pick<PatchOptions, "fieldValidation">,
): Promise<T> {
  const { name, namespace } = object.metadata;
  return client.patch(resource, namespace === undefined ? { name } : { name, namespace }, object, {
    type: "apply",
    fieldManager,
    force: true,
    ...options,
  });
}
