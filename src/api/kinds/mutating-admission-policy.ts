import { invalid, notSupported, required } from "../field-error.ts";
import type { FieldError, Kind } from "../kind.ts";
import type { AdmissionRule, MutatingAdmissionPolicy, Mutation } from "../object.ts";
import { mutatingAdmissionPolicies } from "../resource.ts";
import { paramKindColumn, validateConstraints, validateParamKind, validateVariable } from "./_admission-policy.ts";
import { defaultMatchResources, failurePolicies, oneOfIfSet, validateMatchConditions } from "./_admission-rule.ts";
import { oneOf } from "./_check.ts";
import { ageColumn, integer, nameColumn } from "./_column.ts";
import { specOf } from "./_workload.ts";

const operations = ["*", "CONNECT", "CREATE", "UPDATE"];

/** What is deleted cannot be changed. */
export function validateOperations(path: string, rules: readonly AdmissionRule[] = []): FieldError[] {
  return rules.flatMap(({ operations: wanted = [] }) =>
    wanted.flatMap((one) =>
      operations.includes(one) ? [] : [notSupported(`${path}.resourceRules.operations`, one, operations)],
    ),
  );
}

const parts = { JSONPatch: "jsonPatch", ApplyConfiguration: "applyConfiguration" } as const;

function validateMutation(path: string, mutation: Mutation): FieldError[] {
  const { patchType = "" } = mutation;
  if (!patchType) return [required(`${path}.patchType`)];
  if (patchType !== "JSONPatch" && patchType !== "ApplyConfiguration") {
    return [notSupported(`${path}.patchType`, patchType, ["ApplyConfiguration", "JSONPatch"])];
  }
  const [own, other] =
    patchType === "JSONPatch"
      ? [parts.JSONPatch, parts.ApplyConfiguration]
      : [parts.ApplyConfiguration, parts.JSONPatch];
  const faults: FieldError[] = [];
  if (!mutation[own]) faults.push(required(`${path}.${own}`, `must be specified when patchType is ${patchType}`));
  else if (!mutation[own].expression?.trim()) faults.push(required(`${path}.${own}.expression`));
  if (mutation[other]) {
    faults.push(invalid(`${path}.${other}`, `{${other}}`, `must not be specified when patchType is ${patchType}`));
  }
  return faults;
}

function validate({ spec }: MutatingAdmissionPolicy): FieldError[] {
  const { paramKind, variables = [], mutations = [], matchConstraints } = spec;
  return [
    ...oneOfIfSet("spec.failurePolicy", spec.failurePolicy, failurePolicies),
    ...(paramKind ? validateParamKind("spec.paramKind", paramKind) : []),
    ...validateConstraints(matchConstraints),
    ...validateOperations(
      "spec.matchConstraints",
      matchConstraints?.resourceRules as readonly AdmissionRule[] | undefined,
    ),
    ...validateMatchConditions("spec.matchConditions", spec.matchConditions ?? []),
    ...variables.flatMap((one, index) => validateVariable(`spec.variables[${index}]`, one)),
    ...(mutations.length > 0 ? [] : [required("spec.mutations", "mutations must contain at least one item")]),
    ...mutations.flatMap((one, index) => validateMutation(`spec.mutations[${index}]`, one)),
    ...oneOf("spec.reinvocationPolicy", spec.reinvocationPolicy, ["IfNeeded", "Never"]),
  ];
}

export const mutatingAdmissionPolicyKind: Kind<MutatingAdmissionPolicy> = {
  ...mutatingAdmissionPolicies,
  singular: "mutatingadmissionpolicy",
  shortNames: [],
  categories: ["api-extensions"],
  status: false,
  subresources: [],
  schema: "io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicy",
  needsRevision: true,
  setDefaults(policy) {
    const spec = specOf(policy);
    spec.failurePolicy ??= "Fail";
    defaultMatchResources(spec.matchConstraints);
  },
  validate,
  columns: [
    nameColumn,
    integer("Mutations", "How many changes it makes.", ({ spec }) => spec.mutations?.length ?? 0),
    paramKindColumn,
    ageColumn,
  ],
};
