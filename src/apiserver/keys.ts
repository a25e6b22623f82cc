/** Where objects live in the store: /registry/<group or core>/<plural>/<namespace>/<name>, as an etcd would hold them. */
import type { Kind } from "../api/kind.ts";
import type { Resource } from "../api/resource.ts";
import type { Key } from "../store/store.ts";

/** Kinds that are forms of one share their collection. */
type Collection = Resource & Pick<Kind, "stored">;

const registryPrefix = "/registry/";

/** The prefix of a collection: of one namespace, or of all. Ends with "/", so that no other collection shares it. */
export function collectionPrefix(resource: Collection, namespace?: string): Key {
  const { plural, namespaced } = resource;
  const group = resource.stored?.group ?? resource.group;
  const collection = `${registryPrefix}${group || "core"}/${plural}/`;
  return namespaced && namespace ? `${collection}${namespace}/` : collection;
}

export function objectStoreKey(resource: Collection, namespace: string | undefined, name: string): Key {
  return collectionPrefix(resource, namespace) + name;
}

/** Namespace and name of a key of `resource`. */
export function parseKey(resource: Collection, key: Key): { namespace: string; name: string } {
  const rest = key.slice(collectionPrefix(resource).length);
  const slash = rest.indexOf("/");
  return slash < 0 ? { namespace: "", name: rest } : { namespace: rest.slice(0, slash), name: rest.slice(slash + 1) };
}

/** Namespaces are in themselves: rules that ask for an object's namespace get its name. */
export const isNamespaceKind = ({ group, plural }: Kind): boolean => group === "" && plural === "namespaces";
