/** Who may do what: the administrators' group, nodes by their Pods, everyone else by roles. */
import type { RoleRef } from "kubernetes-types/rbac/v1";
import type { Store } from "../../store/store.ts";
import type { User } from "../request.ts";
import type { Attributes, Decision } from "./attributes.ts";
import { createNodePods, decideForNode, type NodePods, nodeOf } from "./node-authorizer.ts";
import { createPolicy, decide } from "./policy.ts";
import type { Rule } from "./rule.ts";

export interface Authorizer {
  decide(user: User, attributes: Attributes): Promise<Decision>;
  /** By roles alone, at once: for checks inside of writes. */
  decideByRole(user: User, attributes: Attributes): Decision;
  /** All rules that a user has in a namespace, and what could not be resolved. */
  rulesOf(
    user: User,
    namespace: string | undefined,
  ): { readonly rules: readonly Rule[]; readonly errors: readonly string[] };
  /** The rules of a role; undefined: there is none. */
  roleRules(roleRef: RoleRef, namespace: string | undefined): readonly Rule[] | undefined;
}

const mastersGroup = "system:masters";
const everything: readonly Rule[] = [
  { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
  { nonResourceURLs: ["*"], verbs: ["*"] },
];

/** Follows the store until `signal` aborts. The Pods of nodes are looked at only once a node asks. */
export async function createAuthorizer(store: Store, signal: AbortSignal): Promise<Authorizer> {
  const policy = await createPolicy(store, signal);
  let nodePods: Promise<NodePods> | undefined;
  const decideByRole = (user: User, attributes: Attributes): Decision =>
    user.groups.includes(mastersGroup) ? { allowed: true, reason: "" } : decide(policy, user, attributes);
  return {
    decideByRole,
    async decide(user, attributes) {
      const node = nodeOf(user);
      if (node === undefined) return decideByRole(user, attributes);
      nodePods ??= createNodePods(store, signal).catch((error: unknown) => {
        nodePods = undefined;
        throw error;
      });
      const own = decideForNode(node, attributes, await nodePods);
      if (own?.allowed) return own;
      const granted = decideByRole(user, attributes);
      return granted.allowed || !own ? granted : own;
    },
    rulesOf(user, namespace) {
      if (user.groups.includes(mastersGroup)) return { rules: everything, errors: [] };
      const { grants, errors } = policy.grantsOf(user, namespace);
      return { rules: grants.flatMap(({ rules }) => rules), errors };
    },
    roleRules: policy.rulesOf,
  };
}
