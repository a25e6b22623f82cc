/** All that a user may do in a namespace (kubectl auth can-i --list). Source: Kubernetes API reference, SelfSubjectRulesReview. */
import type { SubjectRulesReviewStatus } from "kubernetes-types/authorization/v1";
import { compactRules } from "../authorization/rule.ts";
import type { ServerContext } from "../context.ts";
import type { User } from "../request.ts";

export function reviewRules({ authorizer }: ServerContext, user: User, namespace: string): SubjectRulesReviewStatus {
  const { rules, errors } = authorizer.rulesOf(user, namespace);
  const compact = compactRules(rules);
  return {
    resourceRules: compact
      .filter(({ resources = [] }) => resources.length > 0)
      .map(({ verbs, apiGroups = [], resources = [], resourceNames }) => ({
        verbs,
        apiGroups,
        resources,
        ...(resourceNames ? { resourceNames } : {}),
      })),
    nonResourceRules: compact.flatMap(({ verbs, nonResourceURLs: urls = [] }) =>
      urls.length > 0 ? [{ verbs, nonResourceURLs: urls }] : [],
    ),
    incomplete: errors.length > 0,
    ...(errors.length > 0 ? { evaluationError: errors.join(", ") } : {}),
  };
}
