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
export const statefulSets = resource<objects.StatefulSet>("apps", "v1", "StatefulSet", "statefulsets");
export const controllerRevisions = resource<objects.ControllerRevision>(
  "apps",
  "v1",
  "ControllerRevision",
  "controllerrevisions",
);
export const replicationControllers = resource<objects.ReplicationController>(
  "",
  "v1",
  "ReplicationController",
  "replicationcontrollers",
);
export const podTemplates = resource<objects.PodTemplate>("", "v1", "PodTemplate", "podtemplates");
export const limitRanges = resource<objects.LimitRange>("", "v1", "LimitRange", "limitranges");
export const resourceQuotas = resource<objects.ResourceQuota>("", "v1", "ResourceQuota", "resourcequotas");
export const persistentVolumes = resource<objects.PersistentVolume>(
  "",
  "v1",
  "PersistentVolume",
  "persistentvolumes",
  false,
);
export const persistentVolumeClaims = resource<objects.PersistentVolumeClaim>(
  "",
  "v1",
  "PersistentVolumeClaim",
  "persistentvolumeclaims",
);
export const jobs = resource<objects.Job>("batch", "v1", "Job", "jobs");
export const cronJobs = resource<objects.CronJob>("batch", "v1", "CronJob", "cronjobs");
export const podDisruptionBudgets = resource<objects.PodDisruptionBudget>(
  "policy",
  "v1",
  "PodDisruptionBudget",
  "poddisruptionbudgets",
);
export const ingresses = resource<objects.Ingress>("networking.k8s.io", "v1", "Ingress", "ingresses");
export const ingressClasses = resource<objects.IngressClass>(
  "networking.k8s.io",
  "v1",
  "IngressClass",
  "ingressclasses",
  false,
);
export const networkPolicies = resource<objects.NetworkPolicy>(
  "networking.k8s.io",
  "v1",
  "NetworkPolicy",
  "networkpolicies",
);
export const serviceCidrs = resource<objects.ServiceCIDR>(
  "networking.k8s.io",
  "v1",
  "ServiceCIDR",
  "servicecidrs",
  false,
);
export const ipAddresses = resource<objects.IPAddress>("networking.k8s.io", "v1", "IPAddress", "ipaddresses", false);
export const roles = resource<objects.Role>("rbac.authorization.k8s.io", "v1", "Role", "roles");
export const roleBindings = resource<objects.RoleBinding>(
  "rbac.authorization.k8s.io",
  "v1",
  "RoleBinding",
  "rolebindings",
);
export const clusterRoles = resource<objects.ClusterRole>(
  "rbac.authorization.k8s.io",
  "v1",
  "ClusterRole",
  "clusterroles",
  false,
);
export const clusterRoleBindings = resource<objects.ClusterRoleBinding>(
  "rbac.authorization.k8s.io",
  "v1",
  "ClusterRoleBinding",
  "clusterrolebindings",
  false,
);
export const priorityClasses = resource<objects.PriorityClass>(
  "scheduling.k8s.io",
  "v1",
  "PriorityClass",
  "priorityclasses",
  false,
);
export const storageClasses = resource<objects.StorageClass>(
  "storage.k8s.io",
  "v1",
  "StorageClass",
  "storageclasses",
  false,
);
export const runtimeClasses = resource<objects.RuntimeClass>(
  "node.k8s.io",
  "v1",
  "RuntimeClass",
  "runtimeclasses",
  false,
);

export const customResourceDefinitions = resource<objects.CustomResourceDefinition>(
  "apiextensions.k8s.io",
  "v1",
  "CustomResourceDefinition",
  "customresourcedefinitions",
  false,
);

export const mutatingAdmissionPolicies = resource<objects.MutatingAdmissionPolicy>(
  "admissionregistration.k8s.io",
  "v1",
  "MutatingAdmissionPolicy",
  "mutatingadmissionpolicies",
  false,
);
export const mutatingAdmissionPolicyBindings = resource<objects.MutatingAdmissionPolicyBinding>(
  "admissionregistration.k8s.io",
  "v1",
  "MutatingAdmissionPolicyBinding",
  "mutatingadmissionpolicybindings",
  false,
);
export const mutatingWebhookConfigurations = resource<objects.MutatingWebhookConfiguration>(
  "admissionregistration.k8s.io",
  "v1",
  "MutatingWebhookConfiguration",
  "mutatingwebhookconfigurations",
  false,
);
export const validatingWebhookConfigurations = resource<objects.ValidatingWebhookConfiguration>(
  "admissionregistration.k8s.io",
  "v1",
  "ValidatingWebhookConfiguration",
  "validatingwebhookconfigurations",
  false,
);
export const validatingAdmissionPolicies = resource<objects.ValidatingAdmissionPolicy>(
  "admissionregistration.k8s.io",
  "v1",
  "ValidatingAdmissionPolicy",
  "validatingadmissionpolicies",
  false,
);
export const validatingAdmissionPolicyBindings = resource<objects.ValidatingAdmissionPolicyBinding>(
  "admissionregistration.k8s.io",
  "v1",
  "ValidatingAdmissionPolicyBinding",
  "validatingadmissionpolicybindings",
  false,
);

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
