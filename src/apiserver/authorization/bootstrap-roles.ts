/**
 * The roles and bindings that every cluster has, made of the tables in default-roles/.
 * Source: Kubernetes "Using RBAC Authorization", default roles and role bindings.
 */
import type { RoleRef, Subject } from "kubernetes-types/rbac/v1";
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from "../../api/object.ts";
import { componentRoles } from "./default-roles/component-roles.ts";
import { controllerRoles } from "./default-roles/controller-roles.ts";
import { namespaceRoles } from "./default-roles/namespace-roles.ts";
import { parseRoles, type RoleRow } from "./default-roles/role-table.ts";
import { userRoles } from "./default-roles/user-roles.ts";

const rbacGroup = "rbac.authorization.k8s.io";
const apiVersion = `${rbacGroup}/v1`;

const metadata = (name: string, labels: Readonly<Record<string, string>> = {}) => ({
  name,
  labels: { "kubernetes.io/bootstrapping": "rbac-defaults", ...labels },
  annotations: { "rbac.authorization.kubernetes.io/autoupdate": "true" },
});

/** These gather the rules of others (aggregation.ts). */
const gathering: ReadonlySet<string> = new Set(["admin", "edit", "view"]);

const aggregateTo = (role: string): Record<string, string> => ({ [`${rbacGroup}/aggregate-to-${role}`]: "true" });

function clusterRole({ name, aggregatedTo, rules }: RoleRow): ClusterRole {
  const selectors = gathering.has(name) ? [{ matchLabels: aggregateTo(name) }] : undefined;
  return {
    apiVersion,
    kind: "ClusterRole",
    metadata: metadata(name, aggregatedTo ? aggregateTo(aggregatedTo) : {}),
    rules: [...rules],
    ...(selectors ? { aggregationRule: { clusterRoleSelectors: selectors } } : {}),
  };
}

const user = (name: string): Subject => ({ kind: "User", apiGroup: rbacGroup, name });
const group = (name: string): Subject => ({ kind: "Group", apiGroup: rbacGroup, name });
const account = (name: string): Subject => ({ kind: "ServiceAccount", namespace: "kube-system", name });
const roleRef = (kind: string, name: string): RoleRef => ({ apiGroup: rbacGroup, kind, name });

function clusterRoleBinding(name: string, subjects: Subject[]): ClusterRoleBinding {
  const kind = "ClusterRoleBinding";
  return { apiVersion, kind, metadata: metadata(name), roleRef: roleRef("ClusterRole", name), subjects };
}

const controllerPrefix = "system:controller:";
const controllers = parseRoles(controllerRoles);

export const bootstrapRoles: readonly ClusterRole[] = [
  ...[...parseRoles(userRoles), ...parseRoles(componentRoles)].map(clusterRole),
  ...controllers.map((row) => clusterRole({ ...row, name: controllerPrefix + row.name })),
];

export const bootstrapBindings: readonly ClusterRoleBinding[] = [
  clusterRoleBinding("cluster-admin", [group("system:masters")]),
  clusterRoleBinding("system:monitoring", [group("system:monitoring")]),
  clusterRoleBinding("system:discovery", [group("system:authenticated")]),
  clusterRoleBinding("system:basic-user", [group("system:authenticated")]),
  clusterRoleBinding("system:public-info-viewer", [group("system:authenticated"), group("system:unauthenticated")]),
  clusterRoleBinding("system:service-account-issuer-discovery", [group("system:serviceaccounts")]),
  clusterRoleBinding("system:node-proxier", [user("system:kube-proxy")]),
  // Nodes are judged by what their Pods need (node-authorizer.ts); the binding stands without subjects, as in Kubernetes.
  clusterRoleBinding("system:node", []),
  clusterRoleBinding("system:kube-dns", [account("kube-dns")]),
  clusterRoleBinding("system:coredns", [account("coredns")]),
  clusterRoleBinding("system:load-balancer", [user("system:load-balancer"), group("system:load-balancers")]),
  clusterRoleBinding("system:kube-controller-manager", [user("system:kube-controller-manager")]),
  clusterRoleBinding("system:kube-scheduler", [user("system:kube-scheduler")]),
  clusterRoleBinding("system:volume-scheduler", [user("system:kube-scheduler")]),
  ...controllers.map(({ name }) => clusterRoleBinding(controllerPrefix + name, [account(name)])),
];

export const bootstrapNamespaceRoles: readonly Role[] = parseRoles(namespaceRoles).map(({ name: path, rules }) => {
  const [namespace = "", name = ""] = path.split("/");
  return { apiVersion, kind: "Role", metadata: { ...metadata(name), namespace }, rules: [...rules] };
});

function roleBinding(path: string, subjects: Subject[], role?: string): RoleBinding {
  const [namespace = "", name = ""] = path.split("/");
  const kind = "RoleBinding";
  return {
    apiVersion,
    kind,
    metadata: { ...metadata(name), namespace },
    roleRef: roleRef("Role", role ?? name),
    subjects,
  };
}

const controllerManager = user("system:kube-controller-manager");
const scheduler = user("system:kube-scheduler");

export const bootstrapNamespaceBindings: readonly RoleBinding[] = [
  roleBinding("kube-public/system:controller:bootstrap-signer", [account("bootstrap-signer")]),
  roleBinding(
    "kube-system/system::extension-apiserver-authentication-reader",
    [controllerManager, scheduler],
    "extension-apiserver-authentication-reader",
  ),
  roleBinding("kube-system/system::leader-locking-kube-controller-manager", [
    controllerManager,
    account("kube-controller-manager"),
    account("leader-election-controller"),
  ]),
  roleBinding("kube-system/system::leader-locking-kube-scheduler", [scheduler, account("kube-scheduler")]),
  roleBinding("kube-system/system:controller:bootstrap-signer", [account("bootstrap-signer")]),
  roleBinding("kube-system/system:controller:cloud-provider", [account("cloud-provider")]),
  roleBinding("kube-system/system:controller:token-cleaner", [account("token-cleaner")]),
];
