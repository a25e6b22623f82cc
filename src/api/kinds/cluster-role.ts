import { required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import { checkPathSegment } from "../names.ts";
import type { ClusterRole } from "../object.ts";
import { clusterRoles } from "../resource.ts";
import { validateLabelSelector } from "./_check.ts";
import { createdAtColumn, nameColumn } from "./_column.ts";
import { validateRules } from "./_rbac.ts";

function validateAggregation({ aggregationRule }: ClusterRole): FieldError[] {
  if (!aggregationRule) return [];
  const field = "aggregationRule.clusterRoleSelectors";
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  if (selectors.length === 0) {
    return [required(field, "at least one clusterRoleSelector required if aggregationRule is non-nil")];
  }
  return selectors.flatMap((selector, index) => validateLabelSelector(`${field}[${index}]`, selector));
}

export const clusterRoleKind: Kind<ClusterRole> = {
  ...clusterRoles,
  singular: "clusterrole",
  shortNames: [],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.rbac.v1.ClusterRole",
  validate: (role) => [...validateRules(role.rules, false), ...validateAggregation(role)],
  validateName: checkPathSegment,
  columns: [nameColumn, createdAtColumn],
};
