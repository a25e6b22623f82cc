import type { Kind } from "../kind.ts";
import { checkPathSegment } from "../names.ts";
import type { ClusterRoleBinding } from "../object.ts";
import { clusterRoleBindings } from "../resource.ts";
import { bindingColumns, setBindingDefaults, validateBinding, validateBindingUpdate } from "./_rbac.ts";

const bindable = ["ClusterRole"];

export const clusterRoleBindingKind: Kind<ClusterRoleBinding> = {
  ...clusterRoleBindings,
  singular: "clusterrolebinding",
  shortNames: [],
  categories: [],
  status: false,
  subresources: [],
  schema: "io.k8s.api.rbac.v1.ClusterRoleBinding",
  setDefaults: setBindingDefaults,
  validate: (binding) => validateBinding(binding, bindable),
  validateUpdate: validateBindingUpdate,
  validateName: checkPathSegment,
  columns: bindingColumns,
};
