import { duplicate, invalid, notSupported, required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import type { ValidatingAdmissionPolicyBinding } from "../object.ts";
import { validatingAdmissionPolicyBindings } from "../resource.ts";
import { bindingColumns, validateParamRef, validatePolicyName } from "./_admission-policy.ts";
import { defaultMatchResources, validateMatchResources } from "./_admission-rule.ts";
import { ageColumn, nameColumn } from "./_column.ts";
import { specOf } from "./_workload.ts";

const actions = ["Audit", "Deny", "Warn"];

function validateActions(wanted: readonly string[]): FieldError[] {
  const path = "spec.validationActions";
  const faults = wanted.flatMap((action, index) => [
    ...(actions.includes(action) ? [] : [notSupported(`${path}[${index}]`, action, actions)]),
    ...(wanted.indexOf(action) < index ? [duplicate(`${path}[${index}]`, action)] : []),
  ]);
  if (wanted.includes("Deny") && wanted.includes("Warn")) {
    const why =
      "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
    faults.push(invalid(path, wanted, why));
  }
  return wanted.length > 0 ? faults : [required(path, "at least one validation action is required")];
}

function validate({ spec }: ValidatingAdmissionPolicyBinding): FieldError[] {
  const { policyName, paramRef, matchResources, validationActions = [] } = spec;
  return [
    ...validatePolicyName(policyName),
    ...(paramRef ? validateParamRef(paramRef) : []),
    ...(matchResources ? validateMatchResources("spec.matchResources", matchResources) : []),
    ...validateActions(validationActions),
  ];
}

export const validatingAdmissionPolicyBindingKind: Kind<ValidatingAdmissionPolicyBinding> = {
  ...validatingAdmissionPolicyBindings,
  singular: "validatingadmissionpolicybinding",
  shortNames: [],
  categories: ["api-extensions"],
  status: false,
  subresources: [],
  schema: "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding",
  needsRevision: true,
  setDefaults: (binding) => defaultMatchResources(specOf(binding).matchResources),
  validate,
  columns: [nameColumn, ...bindingColumns, ageColumn],
};
