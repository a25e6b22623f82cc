/** Rules of what a Job makes of its Pods' failures. Source: the field docs of PodFailurePolicy; KEP-3329. */
import type { JobSpec, PodFailurePolicyRule } from "kubernetes-types/batch/v1";
import { duplicate, invalid, notSupported, required, tooMany } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { checkQualifiedName } from "../names.ts";
import { checked } from "./_check.ts";

type ExitCodes = NonNullable<PodFailurePolicyRule["onExitCodes"]>;
type Conditions = NonNullable<PodFailurePolicyRule["onPodConditions"]>;

const actions = ["Count", "FailIndex", "FailJob", "Ignore"];
const operators = ["In", "NotIn"];
const statuses = ["False", "True", "Unknown"];
const maxRules = 20;
const maxPatterns = 20;
const maxExitCodes = 255;

export function validateFailurePolicy(field: string, { podFailurePolicy, ...spec }: JobSpec): FieldError[] {
  if (!podFailurePolicy) return [];
  const rules = podFailurePolicy.rules ?? [];
  const { containers = [], initContainers = [] } = spec.template?.spec ?? {};
  const names = new Set([...containers, ...initContainers].map(({ name }) => name));
  return [
    ...(rules.length > maxRules ? [tooMany(`${field}.rules`, rules.length, maxRules)] : []),
    ...rules.flatMap((rule, index) => validateRule(`${field}.rules[${index}]`, rule, spec, names)),
  ];
}

/** A required word out of a few. */
function validateWord(field: string, word: string | undefined, allowed: readonly string[]): FieldError[] {
  if (word) return allowed.includes(word) ? [] : [notSupported(field, word, allowed)];
  return [required(field, `valid values: [${allowed.map((value) => JSON.stringify(value)).join(" ")}]`)];
}

function validateRule(
  path: string,
  { action, onExitCodes, onPodConditions = [] }: PodFailurePolicyRule,
  spec: Omit<JobSpec, "podFailurePolicy">,
  containers: ReadonlySet<string>,
): FieldError[] {
  const faults = validateWord(`${path}.action`, action, actions);
  if (action === "FailIndex" && spec.backoffLimitPerIndex === undefined) {
    faults.push(invalid(`${path}.action`, action, "requires the backoffLimitPerIndex to be set"));
  }
  if (onExitCodes) faults.push(...validateExitCodes(`${path}.onExitCodes`, onExitCodes, containers));
  faults.push(...validateConditions(`${path}.onPodConditions`, onPodConditions));
  const kinds = (onExitCodes ? 1 : 0) + (onPodConditions.length > 0 ? 1 : 0);
  if (kinds === 1) return faults;
  const rule =
    kinds === 2
      ? "specifying both OnExitCodes and OnPodConditions is not supported"
      : "specifying one of OnExitCodes and OnPodConditions is required";
  return [...faults, { reason: "FieldValueInvalid", field: path, detail: `Invalid value: ${rule}` }];
}

function validateConditions(path: string, conditions: Conditions): FieldError[] {
  const faults = conditions.length > maxPatterns ? [tooMany(path, conditions.length, maxPatterns)] : [];
  return [
    ...faults,
    ...conditions.flatMap(({ type, status }, index) => [
      ...checked(`${path}[${index}].type`, type, checkQualifiedName(type ?? "")),
      ...validateWord(`${path}[${index}].status`, status, statuses),
    ]),
  ];
}

function validateExitCodes(
  path: string,
  { containerName, operator, values = [] }: ExitCodes,
  containers: ReadonlySet<string>,
): FieldError[] {
  const faults = validateWord(`${path}.operator`, operator, operators);
  if (containerName !== undefined && !containers.has(containerName)) {
    const detail = "must be one of the container or initContainer names in the pod template";
    faults.push(invalid(`${path}.containerName`, containerName, detail));
  }
  const field = `${path}.values`;
  if (values.length === 0) faults.push(invalid(field, values, "at least one value is required"));
  if (values.length > maxExitCodes) faults.push(tooMany(field, values.length, maxExitCodes));
  for (const [index, value] of values.entries()) {
    const at = `${field}[${index}]`;
    if (operator === "In" && value === 0) faults.push(invalid(at, 0, "must not be 0 for the In operator"));
    if (values.indexOf(value) < index) faults.push(duplicate(at, value));
  }
  const isOrdered = values.every((value, index) => index === 0 || value >= (values[index - 1] ?? 0));
  return isOrdered ? faults : [...faults, invalid(field, values, "must be ordered")];
}
