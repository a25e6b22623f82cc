/** Who has which rules: bindings indexed by their subjects, kept from the store as it changes. */
import type { RoleRef, Subject } from "kubernetes-types/rbac/v1";
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from "../../api/object.ts";
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from "../../api/resource.ts";
import type { Store } from "../../store/store.ts";
import type { User } from "../request.ts";
import { createStoreCache } from "../store-cache.ts";
import type { Attributes, Decision } from "./attributes.ts";
import { allows, type Rule } from "./rule.ts";

interface Bound {
  /** "" for a binding of the whole cluster. */
  readonly namespace: string;
  readonly name: string;
  readonly roleRef: RoleRef;
  readonly subjects: readonly Subject[];
}

/** Rules that a user has by one subject of one binding. */
export interface Grant {
  readonly rules: readonly Rule[];
  readonly binding: Bound;
  readonly subject: string;
}

export interface Grants {
  readonly grants: readonly Grant[];
  /** A sentence for each role that a binding names and that does not exist. */
  readonly errors: readonly string[];
}

export interface Policy {
  /** Of `namespace` and of the whole cluster; undefined: of the cluster only. */
  grantsOf(user: User, namespace: string | undefined): Grants;
  /** Undefined: there is no such role. */
  rulesOf(roleRef: RoleRef, namespace: string | undefined): readonly Rule[] | undefined;
}

const accountPrefix = "system:serviceaccount:";

/** A subject as users show it: "User:jane", "Group:dev"; a service account is a user by its long name. */
function subjectKey({ kind, name, namespace = "" }: Subject, bindingNamespace: string): string {
  return kind === "ServiceAccount"
    ? `User:${accountPrefix}${namespace || bindingNamespace}:${name}`
    : `${kind}:${name}`;
}

function subjectText(key: string): string {
  const [kind = "", ...rest] = key.split(":");
  const name = rest.join(":");
  if (!name.startsWith(accountPrefix)) return `${kind} ${JSON.stringify(name)}`;
  const [namespace, account] = name.slice(accountPrefix.length).split(":");
  return `ServiceAccount ${JSON.stringify(`${account}/${namespace}`)}`;
}

/** Bindings by "<namespace or nothing>\n<subject>". */
class BindingIndex {
  readonly #bySubject = new Map<string, Set<Bound>>();

  change(next: Bound | undefined, old: Bound | undefined): void {
    if (old) {
      for (const key of keysOf(old)) {
        const bound = this.#bySubject.get(key);
        bound?.delete(old);
        if (bound?.size === 0) this.#bySubject.delete(key);
      }
    }
    if (!next) return;
    for (const key of keysOf(next)) {
      const bound = this.#bySubject.get(key);
      if (bound) bound.add(next);
      else this.#bySubject.set(key, new Set([next]));
    }
  }

  get(namespace: string, subject: string): Iterable<Bound> {
    return this.#bySubject.get(`${namespace}\n${subject}`) ?? [];
  }
}

const keysOf = ({ namespace, subjects }: Bound): string[] =>
  subjects.map((subject) => `${namespace}\n${subjectKey(subject, namespace)}`);

const boundOf = ({ metadata, roleRef, subjects = [] }: RoleBinding | ClusterRoleBinding): Bound => ({
  namespace: metadata.namespace ?? "",
  name: metadata.name,
  roleRef,
  subjects,
});

/** Reads the store once and then follows it. */
export async function createPolicy(store: Store, signal: AbortSignal): Promise<Policy> {
  const index = new BindingIndex();
  const keep = ({ rules = [] }: Role | ClusterRole): readonly Rule[] => rules;
  const follow = {
    keep: boundOf,
    onChange: (_key: string, next: Bound | undefined, old: Bound | undefined) => index.change(next, old),
    signal,
  };
  const [clusterWide, namespaced] = await Promise.all([
    createStoreCache<ClusterRole, readonly Rule[]>(store, clusterRoles, { keep, signal }),
    createStoreCache<Role, readonly Rule[]>(store, roles, { keep, signal }),
    createStoreCache<ClusterRoleBinding, Bound>(store, clusterRoleBindings, follow),
    createStoreCache<RoleBinding, Bound>(store, roleBindings, follow),
  ]);
  const rulesOf: Policy["rulesOf"] = ({ kind, name }, namespace) =>
    kind === "ClusterRole" ? clusterWide.get(name) : namespaced.get(`${namespace}/${name}`);
  return {
    rulesOf,
    grantsOf(user, namespace) {
      const subjects = [`User:${user.name}`, ...user.groups.map((group) => `Group:${group}`)];
      const grants: Grant[] = [];
      const errors: string[] = [];
      for (const where of namespace ? ["", namespace] : [""]) {
        for (const subject of subjects) {
          for (const binding of index.get(where, subject)) {
            const rules = rulesOf(binding.roleRef, where);
            if (rules) grants.push({ rules, binding, subject });
            else errors.push(missingRole(binding.roleRef));
          }
        }
      }
      return { grants, errors };
    },
  };
}

const missingRole = ({ kind, name }: RoleRef): string =>
  `${kind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(name)} not found`;

function grantText({ binding, subject }: Grant): string {
  const { namespace, name, roleRef } = binding;
  const [kind, full] = namespace ? ["RoleBinding", `${name}/${namespace}`] : ["ClusterRoleBinding", name];
  const role = `${roleRef.kind} ${JSON.stringify(roleRef.name)}`;
  return `RBAC: allowed by ${kind} ${JSON.stringify(full)} of ${role} to ${subjectText(subject)}`;
}

/** Asks the roles: the first grant that allows it. */
export function decide(policy: Policy, user: User, attributes: Attributes): Decision {
  const namespace = "path" in attributes ? undefined : attributes.namespace;
  const { grants, errors } = policy.grantsOf(user, namespace);
  const grant = grants.find(({ rules }) => rules.some((rule) => allows(rule, attributes)));
  if (grant) return { allowed: true, reason: grantText(grant) };
  if (errors.length === 0) return { allowed: false, reason: "" };
  const known = [...new Set(errors)];
  return { allowed: false, reason: `RBAC: ${known.length > 1 ? `[${known.join(", ")}]` : known[0]}` };
}
