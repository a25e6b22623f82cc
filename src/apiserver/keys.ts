/** Where objects live in the store: /registry/<group or core>/<plural>/<namespace>/<name>, as an etcd would hold them. */
import type { Resource } from "../api/resource.ts";
import type { Key } from "../store/store.ts";

const registryPrefix = "/registry/";

/** The prefix of a collection: of one namespace, or of all. Ends with "/", so that no other collection shares it. */
export function collectionPrefix({ group, plural, namespaced }: Resource, namespace?: string): Key {
  const collection = `${registryPrefix}${group || "core"}/${plural}/`;
  return namespaced && namespace ? `${collection}${namespace}/` : collection;
}

export function objectStoreKey(resource: Resource, namespace: string | undefined, name: string): Key {
  return collectionPrefix(resource, namespace) + name;
}

/** Namespace and name of a key of `resource`. */
export function parseKey(resource: Resource, key: Key): { namespace: string; name: string } {
  const rest = key.slice(collectionPrefix(resource).length);
  const slash = rest.indexOf("/");
  return slash < 0 ? { namespace: "", name: rest } : { namespace: rest.slice(0, slash), name: rest.slice(slash + 1) };
}
