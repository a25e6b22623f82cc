import type { Kind } from "../kind.ts";
import { checkPathSegment } from "../names.ts";
import type { RoleBinding } from "../object.ts";
import { roleBindings } from "../resource.ts";
import { bindingColumns, setBindingDefaults, validateBinding, validateBindingUpdate } from "./_rbac.ts";

const bindable = ["Role", "ClusterRole"];

export const roleBindingKind: Kind<RoleBinding> = {
  ...roleBindings,
  singular: "rolebinding",
  shortNames: [],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.rbac.v1.RoleBinding",
  setDefaults: setBindingDefaults,
  validate: (binding) => validateBinding(binding, bindable),
  validateUpdate: validateBindingUpdate,
  validateName: checkPathSegment,
  columns: bindingColumns,
};
