import type { Kind } from "../kind.ts";
import { checkPathSegment } from "../names.ts";
import type { Role } from "../object.ts";
import { roles } from "../resource.ts";
import { createdAtColumn, nameColumn } from "./_column.ts";
import { validateRules } from "./_rbac.ts";

export const roleKind: Kind<Role> = {
  ...roles,
  singular: "role",
  shortNames: [],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.rbac.v1.Role",
  validate: ({ rules }) => validateRules(rules, true),
  validateName: checkPathSegment,
  columns: [nameColumn, createdAtColumn],
};
