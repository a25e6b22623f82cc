/**
 * The roles and bindings that every cluster has. A rule is written "verbs | groups | resources [| names]", lists by
 * spaces, the core group as "core"; a URL rule is "get | /healthz /version".
 * Source: Kubernetes "Using RBAC Authorization", default roles and role bindings.
 */
import type { PolicyRule, Subject } from "kubernetes-types/rbac/v1";
import type { ClusterRole, ClusterRoleBinding } from "../../api/object.ts";

const rbacGroup = "rbac.authorization.k8s.io";
const apiVersion = `${rbacGroup}/v1`;
const bootstrapLabels = { "kubernetes.io/bootstrapping": "rbac-defaults" };
const bootstrapAnnotations = { "rbac.authorization.kubernetes.io/autoupdate": "true" };

const read = "get list watch";
const readWrite = "create delete deletecollection get list patch update watch";
const write = "create delete deletecollection patch update";

const words = (text = ""): string[] => text.split(" ").filter(Boolean);

function ruleOf(text: string): PolicyRule {
  const [verbs = "", groups = "", resources, names] = text.split("|").map((part) => part.trim());
  if (resources === undefined) return { verbs: words(verbs), nonResourceURLs: words(groups) };
  return {
    apiGroups: words(groups).map((group) => (group === "core" ? "" : group)),
    resources: words(resources),
    ...(names ? { resourceNames: words(names) } : {}),
    verbs: words(verbs),
  };
}

const aggregateTo = (role: string): string => `rbac.authorization.k8s.io/aggregate-to-${role}`;

interface RoleOptions {
  /** The roles that take these rules up, e.g. ["edit"]. */
  readonly aggregatedTo?: readonly string[];
  /** The labels whose roles' rules this one takes up. */
  readonly aggregates?: string;
}

function role(
  name: string,
  rules: readonly string[],
  { aggregatedTo = [], aggregates }: RoleOptions = {},
): ClusterRole {
  const labels = Object.fromEntries(aggregatedTo.map((target) => [aggregateTo(target), "true"]));
  const selectors = aggregates ? [{ matchLabels: { [aggregateTo(aggregates)]: "true" } }] : undefined;
  return {
    apiVersion,
    kind: "ClusterRole",
    metadata: { name, labels: { ...bootstrapLabels, ...labels }, annotations: { ...bootstrapAnnotations } },
    rules: rules.map(ruleOf),
    ...(selectors ? { aggregationRule: { clusterRoleSelectors: selectors } } : {}),
  };
}

const workloads =
  "daemonsets deployments deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale";
const coreData =
  "configmaps endpoints persistentvolumeclaims replicationcontrollers replicationcontrollers/scale serviceaccounts services";

const viewRules = [
  `${read} | core | ${coreData} persistentvolumeclaims/status pods services/status`,
  `${read} | core | bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status`,
  `${read} | core | namespaces`,
  `${read} | discovery.k8s.io | endpointslices`,
  `${read} | apps | controllerrevisions ${workloads} daemonsets/status deployments/status replicasets/status statefulsets/status`,
  `${read} | autoscaling | horizontalpodautoscalers horizontalpodautoscalers/status`,
  `${read} | batch | cronjobs cronjobs/status jobs jobs/status`,
  `${read} | policy | poddisruptionbudgets poddisruptionbudgets/status`,
  `${read} | networking.k8s.io | ingresses ingresses/status networkpolicies`,
];

const editRules = [
  `${read} | core | pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy`,
  "impersonate | core | serviceaccounts",
  `${write} | core | pods pods/attach pods/exec pods/portforward pods/proxy`,
  "create | core | pods/eviction",
  `${write} | core | configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy`,
  "create | core | serviceaccounts/token",
  `${write} | apps | deployments/rollback ${workloads}`,
  `${write} | autoscaling | horizontalpodautoscalers`,
  `${write} | batch | cronjobs jobs`,
  `${write} | policy | poddisruptionbudgets`,
  `${write} | networking.k8s.io | ingresses networkpolicies`,
  `${readWrite} | coordination.k8s.io | leases`,
];

const adminRules = [
  "create | authorization.k8s.io | localsubjectaccessreviews",
  `${readWrite} | ${rbacGroup} | rolebindings roles`,
];

const eventRule = "create patch update | core events.k8s.io | events";
const reviewRules = [
  "create | authentication.k8s.io | tokenreviews",
  "create | authorization.k8s.io | subjectaccessreviews",
];

const userRoles: readonly ClusterRole[] = [
  {
    ...role("cluster-admin", ["* | * | *"]),
    rules: [
      { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
      { nonResourceURLs: ["*"], verbs: ["*"] },
    ],
  },
  role("admin", [], { aggregates: "admin" }),
  role("edit", [], { aggregates: "edit", aggregatedTo: ["admin"] }),
  role("view", [], { aggregates: "view", aggregatedTo: ["edit"] }),
  role("system:aggregate-to-admin", adminRules, { aggregatedTo: ["admin"] }),
  role("system:aggregate-to-edit", editRules, { aggregatedTo: ["edit"] }),
  role("system:aggregate-to-view", viewRules, { aggregatedTo: ["view"] }),
  role("system:basic-user", [
    "create | authorization.k8s.io | selfsubjectaccessreviews selfsubjectrulesreviews",
    "create | authentication.k8s.io | selfsubjectreviews",
  ]),
  role("system:discovery", [
    "get | /api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/",
  ]),
  role("system:public-info-viewer", ["get | /healthz /livez /readyz /version /version/"]),
  role("system:monitoring", ["get | /healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*"]),
  role("system:auth-delegator", reviewRules),
  role("system:service-account-issuer-discovery", [
    "get | /.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/",
  ]),
  role("system:heapster", [`${read} | core | events namespaces nodes pods`, `${read} | apps extensions | deployments`]),
];

const nodeRules = [
  ...reviewRules,
  `${read} | core | services`,
  "create get list watch | core | nodes",
  "patch update | core | nodes nodes/status",
  "delete | core | nodes",
  eventRule,
  `${read} | core | pods`,
  "create delete | core | pods",
  "patch update | core | pods/status",
  "create | core | pods/eviction",
  `${read} | core | configmaps secrets`,
  "get | core | persistentvolumeclaims persistentvolumes",
  "get | core | endpoints",
  "create | core | serviceaccounts/token",
  "create delete get patch update | coordination.k8s.io | leases",
  `${read} | storage.k8s.io | csidrivers`,
  `${read} | node.k8s.io | runtimeclasses`,
  "get list watch | core | serviceaccounts",
];

const componentRoles: readonly ClusterRole[] = [
  role("system:node", nodeRules),
  role("system:node-proxier", [
    "list watch | core | endpoints services",
    "get list watch | core | nodes",
    eventRule,
    "list watch | discovery.k8s.io | endpointslices",
    "list watch | networking.k8s.io | servicecidrs",
  ]),
  role("system:kube-dns", ["list watch | core | endpoints services"]),
  role("system:coredns", [
    "list watch | core | endpoints namespaces nodes pods services",
    "list watch | discovery.k8s.io | endpointslices",
  ]),
  role("system:load-balancer", [
    `${read} | core | endpoints namespaces nodes services`,
    "patch update | core | services/status",
    `${read} | discovery.k8s.io | endpointslices`,
    eventRule,
    "create get list patch update watch | coordination.k8s.io | leases",
  ]),
  role("system:kubelet-api-admin", [
    `${read} | core | nodes`,
    "proxy | core | nodes",
    "* | core | nodes/log nodes/metrics nodes/proxy nodes/stats",
  ]),
  role("system:node-problem-detector", ["get | core | nodes", "patch | core | nodes/status", eventRule]),
  role("system:node-bootstrapper", ["create get list watch | certificates.k8s.io | certificatesigningrequests"]),
  role("system:kube-controller-manager", [
    eventRule,
    "create | coordination.k8s.io | leases",
    "get update | coordination.k8s.io | leases | kube-controller-manager",
    "create | core | secrets serviceaccounts",
    "delete | core | secrets",
    "get | core | configmaps namespaces secrets serviceaccounts",
    "update | core | secrets serviceaccounts",
    ...reviewRules,
    "list watch | * | *",
    "create | core | serviceaccounts/token",
  ]),
  role("system:kube-scheduler", [
    eventRule,
    "create | coordination.k8s.io | leases",
    "get list update watch | coordination.k8s.io | leases | kube-scheduler",
    `${read} | core | namespaces nodes`,
    `delete ${read} | core | pods`,
    "create | core | bindings pods/binding",
    "patch update | core | pods/status",
    `${read} | core | replicationcontrollers services`,
    `${read} | apps | replicasets statefulsets`,
    `${read} | policy | poddisruptionbudgets`,
    `${read} | core | persistentvolumeclaims persistentvolumes`,
    ...reviewRules,
    `${read} | storage.k8s.io | csidrivers csinodes csistoragecapacities storageclasses volumeattachments`,
  ]),
  role("system:volume-scheduler", [
    "get list patch update watch | core | persistentvolumes",
    `${read} | storage.k8s.io | storageclasses`,
    "get list patch update watch | core | persistentvolumeclaims",
  ]),
  role("system:persistent-volume-provisioner", [
    `create delete ${read} | core | persistentvolumes`,
    "get list update watch | core | persistentvolumeclaims",
    `${read} | storage.k8s.io | storageclasses`,
    "watch | core | events",
    eventRule,
  ]),
];

const user = (name: string): Subject => ({ kind: "User", apiGroup: rbacGroup, name });
const group = (name: string): Subject => ({ kind: "Group", apiGroup: rbacGroup, name });
const account = (namespace: string, name: string): Subject => ({ kind: "ServiceAccount", namespace, name });

/** A binding has the name of its role unless it says another. */
function binding(roleName: string, subjects: Subject[], name = roleName): ClusterRoleBinding {
  return {
    apiVersion,
    kind: "ClusterRoleBinding",
    metadata: { name, labels: { ...bootstrapLabels }, annotations: { ...bootstrapAnnotations } },
    roleRef: { apiGroup: rbacGroup, kind: "ClusterRole", name: roleName },
    subjects,
  };
}

export const bootstrapRoles: readonly ClusterRole[] = [...userRoles, ...componentRoles];

export const bootstrapBindings: readonly ClusterRoleBinding[] = [
  binding("cluster-admin", [group("system:masters")]),
  binding("system:monitoring", [group("system:monitoring")]),
  binding("system:discovery", [group("system:authenticated")]),
  binding("system:basic-user", [group("system:authenticated")]),
  binding("system:public-info-viewer", [group("system:authenticated"), group("system:unauthenticated")]),
  binding("system:service-account-issuer-discovery", [group("system:serviceaccounts")]),
  binding("system:node-proxier", [user("system:kube-proxy")]),
  // Nodes are judged by what their Pods need (node-authorizer.ts); the binding stands without subjects, as in Kubernetes.
  binding("system:node", []),
  binding("system:kube-dns", [account("kube-system", "kube-dns")]),
  binding("system:coredns", [account("kube-system", "coredns")]),
  binding("system:load-balancer", [user("system:load-balancer"), group("system:load-balancers")]),
  binding("system:kube-controller-manager", [user("system:kube-controller-manager")]),
  binding("system:kube-scheduler", [user("system:kube-scheduler")]),
  binding("system:volume-scheduler", [user("system:kube-scheduler")]),
];
