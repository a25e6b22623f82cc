/** One informer for each resource, shared by all controllers. */

import type * as objects from "../api/object.ts";
import type { EndpointSlice, KubeObject, Pod, Service } from "../api/object.ts";
import type { Resource } from "../api/resource.ts";
import * as resources from "../api/resource.ts";
import type { ApiClient, Informer } from "../client/client.ts";
import { createInformer } from "../client/informer.ts";
import type { Indexes } from "../client/informer-cache.ts";
import type { Log } from "../lib/log.ts";
import { labelPairs } from "./selector.ts";

const common = {
  namespace: ({ metadata }: KubeObject) => (metadata.namespace ? [metadata.namespace] : []),
  /** Uid of each owner. */
  owner: ({ metadata }: KubeObject) => (metadata.ownerReferences ?? []).map(({ uid }) => uid),
  uid: ({ metadata }: KubeObject) => (metadata.uid ? [metadata.uid] : []),
};

export const podIndexes = {
  ...common,
  node: ({ spec }: Pod) => (spec.nodeName ? [spec.nodeName] : []),
  /** "namespace/key=value" for each label. */
  label: ({ metadata }: Pod) => labelPairs(metadata.labels).map((pair) => `${metadata.namespace}/${pair}`),
} satisfies Indexes<Pod>;

const serviceIndexes = {
  ...common,
  /** "namespace/key=value" of one label of the selector: a Pod that is selected has it. */
  selector: ({ metadata, spec }: Service) =>
    labelPairs(spec.selector)
      .slice(0, 1)
      .map((pair) => `${metadata.namespace}/${pair}`),
} satisfies Indexes<Service>;

export const sliceIndexes = {
  ...common,
  /** "namespace/name" of the Service. */
  service: ({ metadata }: EndpointSlice) => {
    const name = metadata.labels?.["kubernetes.io/service-name"];
    return name ? [`${metadata.namespace}/${name}`] : [];
  },
} satisfies Indexes<EndpointSlice>;

export const commonIndexes: Indexes<KubeObject> = common;

/** The caches by resource; a kind that is added here is emptied with its namespace and collected with its owners, too. */
export interface Informers {
  readonly namespaces: Informer<objects.Namespace>;
  readonly nodes: Informer<objects.Node>;
  readonly pods: Informer<objects.Pod>;
  readonly services: Informer<objects.Service>;
  readonly endpoints: Informer<objects.Endpoints>;
  readonly endpointSlices: Informer<objects.EndpointSlice>;
  readonly configMaps: Informer<objects.ConfigMap>;
  readonly secrets: Informer<objects.Secret>;
  readonly serviceAccounts: Informer<objects.ServiceAccount>;
  readonly deployments: Informer<objects.Deployment>;
  readonly replicaSets: Informer<objects.ReplicaSet>;
  readonly daemonSets: Informer<objects.DaemonSet>;
  readonly leases: Informer<objects.Lease>;
}

export function createInformers(client: ApiClient, options: { log: Log; signal: AbortSignal }): Informers {
  const make = <T extends KubeObject>(resource: Resource<T>, indexes: Indexes<T> = common): Informer<T> =>
    createInformer(client, resource, { ...options, indexes });
  return {
    namespaces: make(resources.namespaces),
    nodes: make(resources.nodes),
    pods: make(resources.pods, podIndexes),
    services: make(resources.services, serviceIndexes),
    endpoints: make(resources.endpoints),
    endpointSlices: make(resources.endpointSlices, sliceIndexes),
    configMaps: make(resources.configMaps),
    secrets: make(resources.secrets),
    serviceAccounts: make(resources.serviceAccounts),
    deployments: make(resources.deployments),
    replicaSets: make(resources.replicaSets),
    daemonSets: make(resources.daemonSets),
    leases: make(resources.leases),
  };
}

const followed = {
  namespaces: resources.namespaces,
  nodes: resources.nodes,
  pods: resources.pods,
  services: resources.services,
  endpoints: resources.endpoints,
  endpointSlices: resources.endpointSlices,
  configMaps: resources.configMaps,
  secrets: resources.secrets,
  serviceAccounts: resources.serviceAccounts,
  deployments: resources.deployments,
  replicaSets: resources.replicaSets,
  daemonSets: resources.daemonSets,
  leases: resources.leases,
} satisfies Record<keyof Informers, unknown>;

/** Any of the caches, when only metadata matters. */
export interface Collection {
  readonly resource: Resource;
  readonly informer: Informer<KubeObject>;
}

export function collectionsOf(informers: Informers): Collection[] {
  return (Object.keys(informers) as (keyof Informers)[]).map((name) => ({
    resource: followed[name] as Resource,
    informer: informers[name] as unknown as Informer<KubeObject>,
  }));
}
