import type { AuditAnnotation, Validation } from "kubernetes-types/admissionregistration/v1";
import { duplicate, invalid, notSupported, required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import { checkQualifiedName } from "../names.ts";
import type { ValidatingAdmissionPolicy } from "../object.ts";
import { validatingAdmissionPolicies } from "../resource.ts";
import { paramKindColumn, validateConstraints, validateParamKind, validateVariable } from "./_admission-policy.ts";
import { defaultMatchResources, failurePolicies, oneOfIfSet, validateMatchConditions } from "./_admission-rule.ts";
import { checked } from "./_check.ts";
import { ageColumn, integer, nameColumn } from "./_column.ts";
import { specOf } from "./_workload.ts";

const reasons = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
const maxAnnotations = 20;
const maxAnnotationBytes = 5 * 1024;

function setDefaults(policy: ValidatingAdmissionPolicy): void {
  const spec = specOf(policy);
  spec.failurePolicy ??= "Fail";
  defaultMatchResources(spec.matchConstraints);
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

function validate({ spec, metadata }: ValidatingAdmissionPolicy): FieldError[] {
  const { validations = [], auditAnnotations = [], variables = [], paramKind } = spec;
  const needed = "validations or auditAnnotations must contain at least one item";
  const idle = validations.length === 0 && auditAnnotations.length === 0;
  return [
    ...oneOfIfSet("spec.failurePolicy", spec.failurePolicy, failurePolicies),
    ...(paramKind ? validateParamKind("spec.paramKind", paramKind) : []),
    ...validateConstraints(spec.matchConstraints),
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
    paramKindColumn,
    ageColumn,
  ],
};
