import type { FieldError, Kind } from "../kind.ts";
import type { AdmissionRule, MutatingAdmissionPolicyBinding } from "../object.ts";
import { mutatingAdmissionPolicyBindings } from "../resource.ts";
import { bindingColumns, validateParamRef, validatePolicyName } from "./_admission-policy.ts";
import { defaultMatchResources, validateMatchResources } from "./_admission-rule.ts";
import { ageColumn, nameColumn } from "./_column.ts";
import { specOf } from "./_workload.ts";
import { validateOperations } from "./mutating-admission-policy.ts";

function validate({ spec }: MutatingAdmissionPolicyBinding): FieldError[] {
  const { policyName, paramRef, matchResources } = spec;
  return [
    ...validatePolicyName(policyName),
    ...(paramRef ? validateParamRef(paramRef) : []),
    ...(matchResources ? validateMatchResources("spec.matchResources", matchResources) : []),
    ...validateOperations("spec.matchResources", matchResources?.resourceRules as readonly AdmissionRule[] | undefined),
  ];
}

export const mutatingAdmissionPolicyBindingKind: Kind<MutatingAdmissionPolicyBinding> = {
  ...mutatingAdmissionPolicyBindings,
  singular: "mutatingadmissionpolicybinding",
  shortNames: [],
  categories: ["api-extensions"],
  status: false,
  subresources: [],
  schema: "io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicyBinding",
  needsRevision: true,
  setDefaults: (binding) => defaultMatchResources(specOf(binding).matchResources),
  validate,
  columns: [nameColumn, ...bindingColumns, ageColumn],
};
