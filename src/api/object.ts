/** The shapes of API objects. Field types come from the published API (package kubernetes-types, types only). */
import type * as admissionregistration from "kubernetes-types/admissionregistration/v1";
import type * as apiextensions from "kubernetes-types/apiextensions/v1";
import type * as apps from "kubernetes-types/apps/v1";
import type * as batch from "kubernetes-types/batch/v1";
import type { Lease as LeaseFields } from "kubernetes-types/coordination/v1";
import type * as core from "kubernetes-types/core/v1";
import type { EndpointSlice as EndpointSliceFields } from "kubernetes-types/discovery/v1";
import type { ObjectMeta as MetaFields } from "kubernetes-types/meta/v1";
import type * as networking from "kubernetes-types/networking/v1";
import type {
  IPAddress as IpAddressFields,
  ServiceCIDR as ServiceCidrFields,
} from "kubernetes-types/networking/v1alpha1";
import type { RuntimeClass as RuntimeClassFields } from "kubernetes-types/node/v1";
import type { PodDisruptionBudget as PodDisruptionBudgetFields } from "kubernetes-types/policy/v1";
import type * as rbac from "kubernetes-types/rbac/v1";
import type { PriorityClass as PriorityClassFields } from "kubernetes-types/scheduling/v1";
import type { StorageClass as StorageClassFields } from "kubernetes-types/storage/v1";

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

/** The same, of a kind whose spec its defaults always fill in. */
type Specified<Fields extends { spec?: unknown }, Kind extends string> = Typed<Fields, Kind> & {
  spec: NonNullable<Fields["spec"]>;
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
export type Deployment = Specified<apps.Deployment, "Deployment">;
export type ReplicaSet = Specified<apps.ReplicaSet, "ReplicaSet">;
export type DaemonSet = Specified<apps.DaemonSet, "DaemonSet">;
export type StatefulSet = Specified<apps.StatefulSet, "StatefulSet">;
export type ControllerRevision = Typed<apps.ControllerRevision, "ControllerRevision">;
export type Lease = Typed<LeaseFields, "Lease">;
export type ReplicationController = Specified<core.ReplicationController, "ReplicationController">;
export type PodTemplate = Typed<core.PodTemplate, "PodTemplate">;
export type LimitRange = Specified<core.LimitRange, "LimitRange">;
export type ResourceQuota = Specified<core.ResourceQuota, "ResourceQuota">;
export type PersistentVolume = Specified<core.PersistentVolume, "PersistentVolume">;
export type PersistentVolumeClaim = Specified<core.PersistentVolumeClaim, "PersistentVolumeClaim">;
export type Job = Specified<batch.Job, "Job">;
export type CronJob = Specified<batch.CronJob, "CronJob">;
export type PodDisruptionBudget = Specified<PodDisruptionBudgetFields, "PodDisruptionBudget">;
export type Ingress = Specified<networking.Ingress, "Ingress">;
export type IngressClass = Specified<networking.IngressClass, "IngressClass">;
export type NetworkPolicy = Specified<networking.NetworkPolicy, "NetworkPolicy">;
export type ServiceCIDR = Specified<ServiceCidrFields, "ServiceCIDR">;
export type IPAddress = Specified<IpAddressFields, "IPAddress">;
export type Role = Typed<rbac.Role, "Role">;
export type RoleBinding = Typed<rbac.RoleBinding, "RoleBinding">;
export type ClusterRole = Typed<rbac.ClusterRole, "ClusterRole">;
export type ClusterRoleBinding = Typed<rbac.ClusterRoleBinding, "ClusterRoleBinding">;
export type PriorityClass = Typed<PriorityClassFields, "PriorityClass">;
export type CustomResourceDefinition = Specified<apiextensions.CustomResourceDefinition, "CustomResourceDefinition">;
export type MutatingWebhookConfiguration = Typed<
  admissionregistration.MutatingWebhookConfiguration,
  "MutatingWebhookConfiguration"
>;
export type ValidatingWebhookConfiguration = Typed<
  admissionregistration.ValidatingWebhookConfiguration,
  "ValidatingWebhookConfiguration"
>;
export type ValidatingAdmissionPolicy = Specified<
  admissionregistration.ValidatingAdmissionPolicy,
  "ValidatingAdmissionPolicy"
>;
export type ValidatingAdmissionPolicyBinding = Specified<
  admissionregistration.ValidatingAdmissionPolicyBinding,
  "ValidatingAdmissionPolicyBinding"
>;
/** One change that a policy makes, by an expression. */
export interface Mutation {
  readonly patchType?: string;
  readonly applyConfiguration?: { readonly expression?: string };
  readonly jsonPatch?: { readonly expression?: string };
}

type PolicySpec = NonNullable<admissionregistration.ValidatingAdmissionPolicy["spec"]>;
type BindingSpec = NonNullable<admissionregistration.ValidatingAdmissionPolicyBinding["spec"]>;

export type MutatingAdmissionPolicy = Typed<unknown, "MutatingAdmissionPolicy"> & {
  spec: Omit<PolicySpec, "validations" | "auditAnnotations"> & {
    readonly mutations?: readonly Mutation[];
    readonly reinvocationPolicy?: string;
  };
};
export type MutatingAdmissionPolicyBinding = Typed<unknown, "MutatingAdmissionPolicyBinding"> & {
  spec: Omit<BindingSpec, "validationActions">;
};
export type StorageClass = Typed<StorageClassFields, "StorageClass">;
export type RuntimeClass = Typed<RuntimeClassFields, "RuntimeClass">;

/** Which requests a webhook or a policy is about; the declarations of its fields are lost in the published types, which embed it. */
export interface AdmissionRule {
  readonly operations?: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly apiVersions?: readonly string[];
  readonly resources?: readonly string[];
  scope?: string;
  readonly resourceNames?: readonly string[];
}

/** "namespace/name", or "name" for a cluster-scoped object: the key of caches and work queues. */
export function objectKey(object: { metadata: { name: string; namespace?: string } }): string {
  const { namespace, name } = object.metadata;
  return namespace ? `${namespace}/${name}` : name;
}
