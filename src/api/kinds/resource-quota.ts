import { isDeepStrictEqual } from "node:util";
import type { ScopedResourceSelectorRequirement } from "kubernetes-types/core/v1";
import { invalid, required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import type { ResourceQuota } from "../object.ts";
import { resourceQuotas } from "../resource.ts";
import { ageColumn, nameColumn, text } from "./_column.ts";
import { dropGeneration } from "./_generation.ts";
import { type Quantities, validateQuantity, validateResourceName } from "./_quantity.ts";
import { specOf } from "./_workload.ts";

const scopes = new Set([
  "Terminating",
  "NotTerminating",
  "BestEffort",
  "NotBestEffort",
  "PriorityClass",
  "CrossNamespacePodAffinity",
  "VolumeAttributesClass",
]);
const opposites = [
  ["BestEffort", "NotBestEffort"],
  ["Terminating", "NotTerminating"],
] as const;
const operators = ["In", "NotIn", "Exists", "DoesNotExist"];
/** A scope tells Pods apart: other things cannot be counted by it. */
const ofPods = /^(pods|cpu|memory|ephemeral-storage|(requests|limits)\.(cpu|memory|ephemeral-storage))$/;

function validateScopes(field: string, names: readonly string[], hard: Quantities): FieldError[] {
  if (names.length === 0) return [];
  const faults = names.filter((name) => !scopes.has(name)).map(() => invalid(field, names, "unsupported scope"));
  const isOfPods = names.every((name) => name !== "VolumeAttributesClass");
  if (isOfPods && Object.keys(hard).some((resource) => !ofPods.test(resource))) {
    faults.push(invalid(field, names, "unsupported scope applied to resource"));
  }
  for (const pair of opposites) {
    if (pair.every((name) => names.includes(name))) faults.push(invalid(field, names, "conflicting scopes"));
  }
  return faults;
}

function validateExpression(
  path: string,
  { operator, scopeName, values = [] }: ScopedResourceSelectorRequirement,
): FieldError[] {
  if (!operators.includes(operator)) return [invalid(`${path}.operator`, operator, "not a valid selector operator")];
  const takesValues = operator === "In" || operator === "NotIn";
  if (scopeName !== "PriorityClass" && scopeName !== "VolumeAttributesClass" && operator !== "Exists") {
    const rule =
      "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
    return [invalid(`${path}.operator`, operator, rule)];
  }
  if (takesValues && values.length === 0) {
    return [
      required(`${path}.values`, "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"),
    ];
  }
  if (!takesValues && values.length > 0) {
    return [
      invalid(
        `${path}.values`,
        values,
        "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
      ),
    ];
  }
  return [];
}

function validateAmounts(field: string, list: Quantities = {}): FieldError[] {
  return Object.entries(list).flatMap(([name, amount]) => [
    ...validateResourceName(`${field}[${name}]`, name),
    ...validateQuantity(`${field}[${name}]`, name, amount),
  ]);
}

function validate({ spec }: ResourceQuota): FieldError[] {
  const { hard = {}, scopes: named = [], scopeSelector } = spec;
  const expressions = scopeSelector?.matchExpressions ?? [];
  return [
    ...validateAmounts("spec.hard", hard),
    ...validateScopes("spec.scopes", named, hard),
    ...validateScopes(
      "spec.scopeSelector.matchExpressions",
      expressions.map(({ scopeName }) => scopeName),
      hard,
    ),
    ...expressions.flatMap((expression, index) =>
      validateExpression(`spec.scopeSelector.matchExpressions[${index}]`, expression),
    ),
  ];
}

function validateUpdate({ spec }: ResourceQuota, { spec: old }: ResourceQuota): FieldError[] {
  const sorted = (names: readonly string[] = []): string[] => [...new Set(names)].sort();
  if (isDeepStrictEqual(sorted(spec.scopes), sorted(old.scopes))) return [];
  return [invalid("spec.scopes", spec.scopes ?? null, "field is immutable")];
}

/** "pods: 1/10, requests.cpu: 100m/1": of limits, or of everything else. */
function usageCell({ status }: ResourceQuota, ofLimits: boolean): string {
  const names = Object.keys(status?.hard ?? {}).sort();
  const shown = names.filter((name) => name.startsWith("limits") === ofLimits);
  return shown.map((name) => `${name}: ${status?.used?.[name] ?? "0"}/${status?.hard?.[name]}`).join(", ");
}

export const resourceQuotaKind: Kind<ResourceQuota> = {
  ...resourceQuotas,
  singular: "resourcequota",
  shortNames: ["quota"],
  categories: [],
  status: true,
  subresources: [],
  schema: "io.k8s.api.core.v1.ResourceQuota",
  setDefaults: (quota) => void specOf(quota),
  prepareForCreate(quota) {
    dropGeneration(quota);
    Object.assign(quota, { status: {} });
  },
  validate,
  validateUpdate,
  validateStatusUpdate: ({ status }) => [
    ...validateAmounts("status.hard", status?.hard),
    ...validateAmounts("status.used", status?.used),
  ],
  columns: [
    nameColumn,
    text("Request", "Use of everything but limits, of what is allowed.", (quota) => usageCell(quota, false)),
    text("Limit", "Sum of the Pods' limits, of what is allowed.", (quota) => usageCell(quota, true)),
    ageColumn,
  ],
};
