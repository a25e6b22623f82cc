/** The shapes of API objects. Field types come from the published API (package kubernetes-types, types only). */
import type {
  DaemonSet as DaemonSetFields,
  Deployment as DeploymentFields,
  ReplicaSet as ReplicaSetFields,
} from "kubernetes-types/apps/v1";
import type { Lease as LeaseFields } from "kubernetes-types/coordination/v1";
import type * as core from "kubernetes-types/core/v1";
import type { EndpointSlice as EndpointSliceFields } from "kubernetes-types/discovery/v1";
import type { ObjectMeta as MetaFields } from "kubernetes-types/meta/v1";

export type { OwnerReference } from "kubernetes-types/meta/v1";

/** Metadata of an object that has been decoded: it has a name (generateName is resolved at create). */
export interface ObjectMeta extends MetaFields {
  name: string;
}

/** Any API object, as the generic machinery sees it. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

type Typed<Fields, Kind extends string> = Omit<Fields, "apiVersion" | "kind" | "metadata"> & {
  apiVersion: string;
  kind: Kind;
  metadata: ObjectMeta;
};

export type Namespace = Typed<core.Namespace, "Namespace">;
export type Node = Typed<core.Node, "Node">;
export type Pod = Typed<core.Pod, "Pod"> & { spec: core.PodSpec };
export type Service = Typed<core.Service, "Service"> & { spec: core.ServiceSpec };
export type Endpoints = Typed<core.Endpoints, "Endpoints">;
export type Event = Typed<core.Event, "Event">;
export type ConfigMap = Typed<core.ConfigMap, "ConfigMap">;
export type Secret = Typed<core.Secret, "Secret">;
export type ServiceAccount = Typed<core.ServiceAccount, "ServiceAccount">;
export type EndpointSlice = Typed<EndpointSliceFields, "EndpointSlice">;
export type Deployment = Typed<DeploymentFields, "Deployment"> & { spec: NonNullable<DeploymentFields["spec"]> };
export type ReplicaSet = Typed<ReplicaSetFields, "ReplicaSet"> & { spec: NonNullable<ReplicaSetFields["spec"]> };
export type DaemonSet = Typed<DaemonSetFields, "DaemonSet"> & { spec: NonNullable<DaemonSetFields["spec"]> };
export type Lease = Typed<LeaseFields, "Lease">;

/** "namespace/name", or "name" for a cluster-scoped object: the key of caches and work queues. */
export function objectKey(object: { metadata: { name: string; namespace?: string } }): string {
  const { namespace, name } = object.metadata;
  return namespace ? `${namespace}/${name}` : name;
}
