/** Where a kind is served: enough to build its URL. */
import type * as objects from "./object.ts";

export interface Resource<T extends objects.KubeObject = objects.KubeObject> {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: T["kind"];
  /** As in the URL, e.g. "endpointslices". */
  readonly plural: string;
  readonly namespaced: boolean;
}

function resource<T extends objects.KubeObject>(
  group: string,
  version: string,
  kind: T["kind"],
  plural: string,
  namespaced = true,
): Resource<T> {
  return { group, version, kind, plural, namespaced };
}

export const namespaces = resource<objects.Namespace>("", "v1", "Namespace", "namespaces", false);
export const nodes = resource<objects.Node>("", "v1", "Node", "nodes", false);
export const pods = resource<objects.Pod>("", "v1", "Pod", "pods");
export const services = resource<objects.Service>("", "v1", "Service", "services");
export const endpoints = resource<objects.Endpoints>("", "v1", "Endpoints", "endpoints");
export const events = resource<objects.Event>("", "v1", "Event", "events");
export const configMaps = resource<objects.ConfigMap>("", "v1", "ConfigMap", "configmaps");
export const secrets = resource<objects.Secret>("", "v1", "Secret", "secrets");
export const serviceAccounts = resource<objects.ServiceAccount>("", "v1", "ServiceAccount", "serviceaccounts");
export const endpointSlices = resource<objects.EndpointSlice>(
  "discovery.k8s.io",
  "v1",
  "EndpointSlice",
  "endpointslices",
);
export const deployments = resource<objects.Deployment>("apps", "v1", "Deployment", "deployments");
export const replicaSets = resource<objects.ReplicaSet>("apps", "v1", "ReplicaSet", "replicasets");
export const daemonSets = resource<objects.DaemonSet>("apps", "v1", "DaemonSet", "daemonsets");
export const leases = resource<objects.Lease>("coordination.k8s.io", "v1", "Lease", "leases");

/** "v1" or "apps/v1". */
export function apiVersionOf({ group, version }: { group: string; version: string }): string {
  return group ? `${group}/${version}` : version;
}

/** The URL path of a collection or, with a name, of one object (and, with it, a subresource). */
export function pathOf(
  { group, version, plural, namespaced }: Resource,
  { namespace, name, subresource }: { namespace?: string; name?: string; subresource?: string } = {},
): string {
  const parts = group ? ["/apis", group, version] : ["/api", version];
  if (namespaced && namespace) parts.push("namespaces", encodeURIComponent(namespace));
  parts.push(plural);
  if (name !== undefined) parts.push(encodeURIComponent(name));
  if (subresource) parts.push(subresource);
  return parts.join("/");
}
