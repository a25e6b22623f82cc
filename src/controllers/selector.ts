/** Label selectors, as the API documents them (meta/v1 LabelSelector, Service.spec.selector). */
import type { LabelSelector } from "kubernetes-types/meta/v1";

type Labels = Readonly<Record<string, string>>;

/** Sorted, e.g. ["app=backend", "tier=web"]. */
export function labelPairs(labels: Labels | undefined): string[] {
  return Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .sort();
}

/** True if `labels` has every pair of `selector`; an empty selector selects everything. */
export function matchesLabels(selector: Labels, labels: Labels = {}): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}

/** One requirement of a selector (meta/v1 LabelSelectorRequirement); an operator that is not known is not met. */
export function meetsExpression(
  { key, operator, values = [] }: { readonly key: string; readonly operator: string; readonly values?: string[] },
  labels: Labels,
): boolean {
  const value = labels[key];
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      return false;
  }
}

/** An absent selector selects nothing, an empty one everything. */
export function matchesSelector(selector: LabelSelector | undefined, labels: Labels = {}): boolean {
  if (!selector) return false;
  if (!matchesLabels(selector.matchLabels ?? {}, labels)) return false;
  return (selector.matchExpressions ?? []).every((expression) => meetsExpression(expression, labels));
}
