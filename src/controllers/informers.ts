/** One informer for each resource, shared by all controllers. */
import type { EndpointSlice, KubeObject, Pod, Service } from "../api/object.ts";
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

export const serviceIndexes = {
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

export type Informers = ReturnType<typeof createInformers>;

export function createInformers(client: ApiClient, options: { log: Log; signal: AbortSignal }) {
  const make = <T extends KubeObject>(resource: resources.Resource<T>, indexes: Indexes<T> = common): Informer<T> =>
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
