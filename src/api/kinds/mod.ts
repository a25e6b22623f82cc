/** All kinds that the API server serves. */
import type { Kind } from "../kind.ts";
import type { KubeObject } from "../object.ts";
import { clusterRoleKind } from "./cluster-role.ts";
import { clusterRoleBindingKind } from "./cluster-role-binding.ts";
import { configMapKind } from "./config-map.ts";
import { controllerRevisionKind } from "./controller-revision.ts";
import { cronJobKind } from "./cron-job.ts";
import { customResourceDefinitionKind } from "./custom-resource-definition.ts";
import { daemonSetKind } from "./daemon-set.ts";
import { deploymentKind } from "./deployment.ts";
import { endpointSliceKind } from "./endpoint-slice.ts";
import { endpointsKind } from "./endpoints.ts";
import { eventKind } from "./event.ts";
import { eventsEventKind } from "./events-event.ts";
import { ingressKind } from "./ingress.ts";
import { ingressClassKind } from "./ingress-class.ts";
import { ipAddressKind } from "./ip-address.ts";
import { jobKind } from "./job.ts";
import { leaseKind } from "./lease.ts";
import { limitRangeKind } from "./limit-range.ts";
import { mutatingAdmissionPolicyKind } from "./mutating-admission-policy.ts";
import { mutatingAdmissionPolicyBindingKind } from "./mutating-admission-policy-binding.ts";
import { mutatingWebhookConfigurationKind } from "./mutating-webhook-configuration.ts";
import { namespaceKind } from "./namespace.ts";
import { networkPolicyKind } from "./network-policy.ts";
import { nodeKind } from "./node.ts";
import { persistentVolumeKind } from "./persistent-volume.ts";
import { persistentVolumeClaimKind } from "./persistent-volume-claim.ts";
import { podKind } from "./pod.ts";
import { podDisruptionBudgetKind } from "./pod-disruption-budget.ts";
import { podTemplateKind } from "./pod-template.ts";
import { priorityClassKind } from "./priority-class.ts";
import { replicaSetKind } from "./replica-set.ts";
import { replicationControllerKind } from "./replication-controller.ts";
import { resourceQuotaKind } from "./resource-quota.ts";
import { reviewKinds } from "./reviews.ts";
import { roleKind } from "./role.ts";
import { roleBindingKind } from "./role-binding.ts";
import { runtimeClassKind } from "./runtime-class.ts";
import { secretKind } from "./secret.ts";
import { serviceKind } from "./service.ts";
import { serviceAccountKind } from "./service-account.ts";
import { serviceCidrKind } from "./service-cidr.ts";
import { statefulSetKind } from "./stateful-set.ts";
import { storageClassKind } from "./storage-class.ts";
import { validatingAdmissionPolicyKind } from "./validating-admission-policy.ts";
import { validatingAdmissionPolicyBindingKind } from "./validating-admission-policy-binding.ts";
import { validatingWebhookConfigurationKind } from "./validating-webhook-configuration.ts";

/** The machinery hands a kind only objects of that kind, so that the narrower hooks are safe. */
function general<T extends KubeObject>(kind: Kind<T>): Kind {
  return kind as unknown as Kind;
}

/** Groups stand in the order in which discovery lists them. */
export const kinds: readonly Kind[] = [
  general(configMapKind),
  general(endpointsKind),
  general(eventKind),
  general(limitRangeKind),
  general(namespaceKind),
  general(nodeKind),
  general(persistentVolumeClaimKind),
  general(persistentVolumeKind),
  general(podKind),
  general(podTemplateKind),
  general(replicationControllerKind),
  general(resourceQuotaKind),
  general(secretKind),
  general(serviceAccountKind),
  general(serviceKind),
  general(controllerRevisionKind),
  general(daemonSetKind),
  general(deploymentKind),
  general(replicaSetKind),
  general(statefulSetKind),
  ...reviewKinds,
  general(cronJobKind),
  general(jobKind),
  general(ingressClassKind),
  general(ingressKind),
  general(ipAddressKind),
  general(networkPolicyKind),
  general(serviceCidrKind),
  general(podDisruptionBudgetKind),
  general(clusterRoleBindingKind),
  general(clusterRoleKind),
  general(roleBindingKind),
  general(roleKind),
  general(storageClassKind),
  general(priorityClassKind),
  general(leaseKind),
  general(runtimeClassKind),
  general(endpointSliceKind),
  eventsEventKind,
  general(mutatingAdmissionPolicyKind),
  general(mutatingAdmissionPolicyBindingKind),
  general(mutatingWebhookConfigurationKind),
  general(validatingWebhookConfigurationKind),
  general(validatingAdmissionPolicyKind),
  general(validatingAdmissionPolicyBindingKind),
  general(customResourceDefinitionKind),
];

const byPath: ReadonlyMap<string, Kind> = new Map(
  kinds.map((kind) => [`${kind.group}/${kind.version}/${kind.plural}`, kind]),
);

/** The kind that is served at group ("" for core), version and plural; undefined if none is. */
export function kindOf(group: string, version: string, plural: string): Kind | undefined {
  return byPath.get(`${group}/${version}/${plural}`);
}
