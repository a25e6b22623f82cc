import type { ParamRef } from "kubernetes-types/admissionregistration/v1";
import { duplicate, forbidden, invalid, notSupported, required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import { checkDnsSubdomain, checkPathSegment } from "../names.ts";
import type { ValidatingAdmissionPolicyBinding } from "../object.ts";
import { validatingAdmissionPolicyBindings } from "../resource.ts";
import { formatLabelSelector, type LabelSelectorObject, labelSelectorOf } from "../selectors.ts";
import { defaultMatchResources, validateMatchResources } from "./_admission-rule.ts";
import { checked, oneOf, validateLabelSelector } from "./_check.ts";
import { ageColumn, nameColumn, text } from "./_column.ts";
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

function validateParamRef({ name, selector, parameterNotFoundAction: action }: ParamRef): FieldError[] {
  const path = "spec.paramRef";
  const exclusive = "name and selector are mutually exclusive";
  return [
    ...(name ? checked(`${path}.name`, name, checkPathSegment(name)) : []),
    ...(name && selector ? [forbidden(`${path}.name`, exclusive)] : []),
    ...(selector ? validateLabelSelector(`${path}.selector`, selector) : []),
    ...(name && selector ? [forbidden(`${path}.selector`, exclusive)] : []),
    ...(name || selector ? [] : [required(path, "one of name or selector must be specified")]),
    ...oneOf(`${path}.parameterNotFoundAction`, action, ["Deny", "Allow"]),
  ];
}

function validate({ spec }: ValidatingAdmissionPolicyBinding): FieldError[] {
  const { policyName, paramRef, matchResources, validationActions = [] } = spec;
  const badName = checked("spec.policyName", policyName, checkDnsSubdomain(policyName));
  return [
    ...(policyName ? badName : [required("spec.policyName")]),
    ...(paramRef ? validateParamRef(paramRef) : []),
    ...(matchResources ? validateMatchResources("spec.matchResources", matchResources) : []),
    ...validateActions(validationActions),
  ];
}

function paramCell({ spec: { paramRef } }: ValidatingAdmissionPolicyBinding): string {
  if (!paramRef) return "<unset>";
  const { name, namespace = "*", selector } = paramRef;
  if (name) return `${namespace}/${name}`;
  return formatLabelSelector(labelSelectorOf(selector as LabelSelectorObject)) || "*";
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
  columns: [
    nameColumn,
    text("PolicyName", "The policy that it binds.", ({ spec }) => spec.policyName ?? ""),
    text("ParamRef", "Where its parameters are.", paramCell),
    ageColumn,
  ],
};
