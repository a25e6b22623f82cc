/** A request as the authorizer sees it. */

import { isNamespaceKind } from "../keys.ts";
import type { ApiRequest } from "../request.ts";
import type { ResourceAttributes } from "./attributes.ts";

const collectionVerbs = new Set(["list", "watch", "deletecollection"]);
const oneName = /^metadata\.name==?([^,=!]+)$/;

/** A list of one named object (by field selector) is as good as that object. Source: Kubernetes "Using RBAC Authorization", resourceNames. */
function nameOf({ name, verb, query }: Omit<ApiRequest, "body">): string | undefined {
  if (name !== undefined || !collectionVerbs.has(verb)) return name;
  return oneName.exec(query.get("fieldSelector") ?? "")?.[1];
}

export function requestedAttributes(request: Omit<ApiRequest, "body">): ResourceAttributes {
  const { kind, verb, subresource, namespace } = request;
  // A namespace is in itself: a role there may speak of it.
  const within = isNamespaceKind(kind) ? request.name : namespace;
  return { verb, group: kind.group, resource: kind.plural, subresource, namespace: within, name: nameOf(request) };
}
