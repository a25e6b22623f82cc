/**
 * Nobody grants by a role or a binding what they do not have themselves, unless they may `escalate` or `bind`.
 * Source: Kubernetes "Using RBAC Authorization", privilege escalation prevention and bootstrapping.
 */
import { isDeepStrictEqual } from "node:util";
import type { RoleRef } from "kubernetes-types/rbac/v1";
import type { ClusterRole, ClusterRoleBinding } from "../../api/object.ts";
import { clusterRoleBindings, clusterRoles, type Resource, roleBindings, roles } from "../../api/resource.ts";
import { forbidden, notFound } from "../../api/status.ts";
import { admitted, type WriteHook } from "../admission/write-hook.ts";
import type { StoredObject } from "../codec.ts";
import type { User } from "../request.ts";
import type { Authorizer } from "./authorizer.ts";
import { compactRules, formatRule, type Rule, uncovered } from "./rule.ts";

const rbacGroup = "rbac.authorization.k8s.io";
const everything: readonly Rule[] = [
  { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
  { nonResourceURLs: ["*"], verbs: ["*"] },
];

interface Asked {
  readonly user: User;
  readonly resource: Resource;
  readonly object: StoredObject;
}

function mayDo(authorizer: Authorizer, { user, object }: Asked, verb: string, target: RoleRef): boolean {
  return authorizer.decideByRole(user, {
    verb,
    group: rbacGroup,
    resource: target.kind === "ClusterRole" ? "clusterroles" : "roles",
    subresource: undefined,
    namespace: object.metadata.namespace,
    name: target.name,
  }).allowed;
}

/** Throws ApiFault (403) with what is missing. */
function requireCovered(authorizer: Authorizer, { user, resource, object }: Asked, wanted: readonly Rule[]): void {
  const { name, namespace } = object.metadata;
  const owned = authorizer.rulesOf(user, namespace);
  const missing = compactRules(uncovered(owned.rules, wanted));
  if (missing.length === 0) return;
  const groups = user.groups.map((group) => JSON.stringify(group)).join(" ");
  const who = `user ${JSON.stringify(user.name)} (groups=[${groups}])`;
  const lines = missing.map(formatRule).sort().join("\n");
  const errors = owned.errors.length > 0 ? `; resolution errors: [${owned.errors.join(", ")}]` : "";
  throw forbidden(
    resource,
    name,
    `${who} is attempting to grant RBAC permissions not currently held:\n${lines}${errors}`,
  );
}

function checkRole(authorizer: Authorizer, asked: Asked, old: StoredObject | undefined): void {
  const { rules = [], aggregationRule, kind, metadata } = asked.object as unknown as ClusterRole;
  const before = old as unknown as ClusterRole | undefined;
  const unchanged = before && isDeepStrictEqual(before.aggregationRule, aggregationRule);
  if (unchanged && isDeepStrictEqual(before.rules ?? [], rules)) return;
  if (mayDo(authorizer, asked, "escalate", { apiGroup: rbacGroup, kind, name: metadata.name })) return;
  if (
    aggregationRule &&
    !unchanged &&
    uncovered(authorizer.rulesOf(asked.user, undefined).rules, everything).length > 0
  ) {
    throw forbidden(asked.resource, metadata.name, "must have cluster-admin privileges to use the aggregationRule");
  }
  requireCovered(authorizer, asked, rules);
}

function checkBinding(authorizer: Authorizer, asked: Asked, old: StoredObject | undefined): void {
  const { roleRef, subjects = [] } = asked.object as unknown as ClusterRoleBinding;
  const before = old as unknown as ClusterRoleBinding | undefined;
  if (before && isDeepStrictEqual(before.roleRef, roleRef) && isDeepStrictEqual(before.subjects ?? [], subjects))
    return;
  // Validation speaks of a reference that names nothing.
  if (!roleRef?.name || mayDo(authorizer, asked, "bind", roleRef)) return;
  const rules = authorizer.roleRules(roleRef, asked.object.metadata.namespace);
  if (!rules) throw notFound(roleRef.kind === "ClusterRole" ? clusterRoles : roles, roleRef.name);
  requireCovered(authorizer, asked, rules);
}

/** Of roles and bindings, by plural name. Writes of the server itself have no user and are not asked. */
export function roleHooks(authorizer: Authorizer): [string, WriteHook][] {
  const hook = (resource: Resource, check: typeof checkRole): [string, WriteHook] => [
    resource.plural,
    {
      admit(object, old, user) {
        if (user && object.apiVersion.startsWith(`${rbacGroup}/`)) check(authorizer, { user, resource, object }, old);
        return admitted;
      },
    },
  ];
  return [
    hook(roles, checkRole),
    hook(clusterRoles, checkRole),
    hook(roleBindings, checkBinding),
    hook(clusterRoleBindings, checkBinding),
  ];
}
