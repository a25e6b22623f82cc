/** One informer for each resource, shared by all controllers. */

import type { EndpointSlice, KubeObject, Pod, Service } from "../api/object.ts";
import type { Resource } from "../api/resource.ts";
import * as resources from "../api/resource.ts";
import type { ApiClient, Informer } from "../client/client.ts";
import { createInformer } from "../client/informer.ts";
import type { Indexes } from "../client/informer-cache.ts";
import type { Log } from "../lib/log.ts";
import { deferInformer } from "./deferred-informer.ts";
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

/** The caches that controllers read whole objects from; of all other kinds `discovery/collections.ts` keeps the metadata. */
const followed = {
  namespaces: resources.namespaces,
  nodes: resources.nodes,
  pods: resources.pods,
  services: resources.services,
  endpoints: resources.endpoints,
  endpointSlices: resources.endpointSlices,
  configMaps: resources.configMaps,
  serviceAccounts: resources.serviceAccounts,
  deployments: resources.deployments,
  replicaSets: resources.replicaSets,
  replicationControllers: resources.replicationControllers,
  daemonSets: resources.daemonSets,
  statefulSets: resources.statefulSets,
  controllerRevisions: resources.controllerRevisions,
  jobs: resources.jobs,
  cronJobs: resources.cronJobs,
  podDisruptionBudgets: resources.podDisruptionBudgets,
  leases: resources.leases,
  serviceCidrs: resources.serviceCidrs,
};

type ObjectOf<R> = R extends Resource<infer T> ? T : never;
type Name = keyof typeof followed;

export type Informers = { readonly [One in Name]: Informer<ObjectOf<(typeof followed)[One]>> };

/** Nothing that a cluster is made of: they are read when all others are there. */
export const late: readonly Name[] = [
  "replicationControllers",
  "statefulSets",
  "jobs",
  "cronJobs",
  "podDisruptionBudgets",
  "serviceCidrs",
];

const ownIndexes: { readonly [One in Name]?: unknown } = {
  pods: podIndexes,
  services: serviceIndexes,
  endpointSlices: sliceIndexes,
};

export function createInformers(client: ApiClient, options: { log: Log; signal: AbortSignal }): Informers {
  const start = (name: Name): Informer<KubeObject> => {
    const indexes = (ownIndexes[name] ?? common) as Indexes<KubeObject>;
    return createInformer(client, followed[name] as Resource, { ...options, indexes });
  };
  const names = Object.keys(followed) as Name[];
  const early = names.filter((name) => !late.includes(name)).map((name) => [name, start(name)] as const);
  const ready = Promise.all(early.map(([, { synced }]) => synced));
  const later = late.map((name) => [name, deferInformer(ready, () => start(name))] as const);
  return Object.fromEntries([...early, ...later]) as unknown as Informers;
}

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
