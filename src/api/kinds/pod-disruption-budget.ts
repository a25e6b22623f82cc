import { invalid, notSupported } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import type { PodDisruptionBudget } from "../object.ts";
import { podDisruptionBudgets } from "../resource.ts";
import { validateLabelSelector, validateNonNegative } from "./_check.ts";
import { ageColumn, integer, nameColumn, text } from "./_column.ts";
import { specOf, validateShare } from "./_workload.ts";

const evictionPolicies = ["AlwaysAllow", "IfHealthyBudget"];
const counts = ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] as const;

function validate({ spec }: PodDisruptionBudget): FieldError[] {
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = spec;
  const faults: FieldError[] = [];
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    faults.push(invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set"));
  }
  if (minAvailable !== undefined) faults.push(...validateShare("spec.minAvailable", minAvailable, true));
  if (maxUnavailable !== undefined) faults.push(...validateShare("spec.maxUnavailable", maxUnavailable, true));
  if (policy !== undefined && !evictionPolicies.includes(policy)) {
    faults.push(notSupported("spec.unhealthyPodEvictionPolicy", policy, evictionPolicies));
  }
  return selector ? [...faults, ...validateLabelSelector("spec.selector", selector)] : faults;
}

export const podDisruptionBudgetKind: Kind<PodDisruptionBudget> = {
  ...podDisruptionBudgets,
  singular: "poddisruptionbudget",
  shortNames: ["pdb"],
  categories: [],
  status: true,
  subresources: [],
  schema: "io.k8s.api.policy.v1.PodDisruptionBudget",
  needsRevision: true,
  setDefaults: (budget) => void specOf(budget),
  prepareForCreate(budget) {
    Object.assign(budget, { status: Object.fromEntries(counts.map((field) => [field, 0])) });
  },
  validate,
  validateStatusUpdate: ({ status }) =>
    counts.flatMap((field) => validateNonNegative(`status.${field}`, status?.[field])),
  columns: [
    nameColumn,
    text("Min Available", "Pods that must stay available.", ({ spec }) => String(spec.minAvailable ?? "N/A")),
    text("Max Unavailable", "Pods that may be unavailable.", ({ spec }) => String(spec.maxUnavailable ?? "N/A")),
    integer("Allowed Disruptions", "Pods that may be disrupted now.", ({ status }) => status?.disruptionsAllowed ?? 0),
    ageColumn,
  ],
};
