import type {
  AuditAnnotation,
  ParamKind,
  ValidatingAdmissionPolicySpec,
  Validation,
  Variable,
} from "kubernetes-types/admissionregistration/v1";
import { duplicate, invalid, notSupported, required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import { checkDns1035Label, checkDnsSubdomain, checkQualifiedName } from "../names.ts";
import type { ValidatingAdmissionPolicy } from "../object.ts";
import { validatingAdmissionPolicies } from "../resource.ts";
import {
  defaultMatchResources,
  failurePolicies,
  oneOfIfSet,
  validateMatchConditions,
  validateMatchResources,
} from "./_admission-rule.ts";
import { checked } from "./_check.ts";
import { ageColumn, integer, nameColumn, text } from "./_column.ts";
import { specOf } from "./_workload.ts";

const reasons = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
const maxAnnotations = 20;
const maxAnnotationBytes = 5 * 1024;

function setDefaults(policy: ValidatingAdmissionPolicy): void {
  const spec = specOf(policy);
  spec.failurePolicy ??= "Fail";
  defaultMatchResources(spec.matchConstraints);
}

function validateParamKind(path: string, { apiVersion = "", kind = "" }: ParamKind): FieldError[] {
  const faults: FieldError[] = [];
  const place = `${path}.apiVersion`;
  const parts = apiVersion.split("/");
  const version = parts.at(-1) ?? "";
  if (!apiVersion) faults.push(required(place));
  else if (parts.length > 2) faults.push(invalid(place, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  else {
    const group = parts.length === 2 ? (parts[0] ?? "") : "";
    const badGroup = group ? checkDnsSubdomain(group) : [];
    if (badGroup.length > 0) faults.push(invalid(place, group, badGroup.join(",")));
    const badVersion = version ? checkDns1035Label(version) : [];
    if (!version) faults.push(invalid(place, apiVersion, "version must be specified"));
    else if (badVersion.length > 0) faults.push(invalid(place, version, badVersion.join(",")));
  }
  const badKind = checkDns1035Label(kind.toLowerCase());
  if (!kind) faults.push(required(`${path}.kind`));
  else if (badKind.length > 0) {
    faults.push(invalid(`${path}.kind`, kind, `may have mixed case, but should otherwise match: ${badKind.join(",")}`));
  }
  return faults;
}

function validateVariable(path: string, { name = "", expression = "" }: Variable): FieldError[] {
  const faults: FieldError[] = [];
  if (!name.trim()) faults.push(required(`${path}.name`, "name is not specified"));
  else if (!/^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name)) {
    faults.push(invalid(`${path}.name`, name, "must be a valid CEL identifier"));
  }
  if (!expression.trim()) faults.push(required(`${path}.expression`, "expression is not specified"));
  return faults;
}

function validateValidation(path: string, { expression = "", message, messageExpression, reason }: Validation) {
  const faults = expression.trim() ? [] : [required(`${path}.expression`, "expression is not specified")];
  const blank = "must be non-empty if specified";
  if (messageExpression && !messageExpression.trim()) {
    faults.push(invalid(`${path}.messageExpression`, messageExpression, blank));
  }
  if (message && !message.trim()) faults.push(invalid(`${path}.message`, message, blank));
  else if (message && /[\n\r]/.test(message.trim())) {
    faults.push(invalid(`${path}.message`, message, "must not contain line breaks"));
  }
  if (reason !== undefined && !reasons.includes(reason)) faults.push(notSupported(`${path}.reason`, reason, reasons));
  return faults;
}

function validateAnnotation(path: string, { key = "", valueExpression = "" }: AuditAnnotation, name: string) {
  const faults = name
    ? checked(`${path}.key`, `${name}/${key}`, checkQualifiedName(`${name}/${key}`))
    : [invalid(`${path}.key`, key, "requires metadata.name be non-empty")];
  const bytes = Buffer.byteLength(valueExpression.trim());
  if (bytes === 0) faults.push(required(`${path}.valueExpression`, "valueExpression is not specified"));
  else if (bytes > maxAnnotationBytes) {
    faults.push(required(`${path}.valueExpression`, `must not exceed ${maxAnnotationBytes} bytes in length`));
  }
  return faults;
}

function validateAnnotations(annotations: readonly AuditAnnotation[], name: string): FieldError[] {
  const path = "spec.auditAnnotations";
  const many = `must not have more than ${maxAnnotations} auditAnnotations`;
  const keys = annotations.map(({ key }) => key);
  return [
    ...(annotations.length > maxAnnotations ? [invalid(path, annotations, many)] : []),
    ...annotations.flatMap((one, index) => [
      ...validateAnnotation(`${path}[${index}]`, one, name),
      ...(keys.indexOf(one.key) < index ? [duplicate(`${path}[${index}].key`, one.key)] : []),
    ]),
  ];
}

function validateMatch({ matchConstraints }: ValidatingAdmissionPolicySpec): FieldError[] {
  const path = "spec.matchConstraints";
  if (!matchConstraints) return [required(path)];
  const faults = validateMatchResources(path, matchConstraints);
  return matchConstraints.resourceRules?.length ? faults : [...faults, required(`${path}.resourceRules`)];
}

function validate({ spec, metadata }: ValidatingAdmissionPolicy): FieldError[] {
  const { validations = [], auditAnnotations = [], variables = [], paramKind } = spec;
  const needed = "validations or auditAnnotations must contain at least one item";
  const idle = validations.length === 0 && auditAnnotations.length === 0;
  return [
    ...oneOfIfSet("spec.failurePolicy", spec.failurePolicy, failurePolicies),
    ...(paramKind ? validateParamKind("spec.paramKind", paramKind) : []),
    ...validateMatch(spec),
    ...validateMatchConditions("spec.matchConditions", spec.matchConditions ?? []),
    ...variables.flatMap((one, index) => validateVariable(`spec.variables[${index}]`, one)),
    ...(idle ? [required("spec.validations", needed), required("spec.auditAnnotations", needed)] : []),
    ...validations.flatMap((one, index) => validateValidation(`spec.validations[${index}]`, one)),
    ...validateAnnotations(auditAnnotations, metadata.name),
  ];
}

export const validatingAdmissionPolicyKind: Kind<ValidatingAdmissionPolicy> = {
  ...validatingAdmissionPolicies,
  singular: "validatingadmissionpolicy",
  shortNames: [],
  categories: ["api-extensions"],
  status: true,
  statusKeeps: "all",
  subresources: [],
  schema: "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy",
  needsRevision: true,
  setDefaults,
  prepareForCreate: (policy) => void Object.assign(policy, { status: {} }),
  validate,
  columns: [
    nameColumn,
    integer("Validations", "How many expressions it tests.", ({ spec }) => spec.validations?.length ?? 0),
    text("ParamKind", "The kind of its parameters.", ({ spec: { paramKind } }) => {
      return paramKind ? `${paramKind.apiVersion}/${paramKind.kind}` : "<unset>";
    }),
    ageColumn,
  ],
};
