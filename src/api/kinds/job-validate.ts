/** Rules of Jobs, which the templates of CronJobs share. Source: the field docs of JobSpec. */
import type { JobSpec, PodFailurePolicyRule } from "kubernetes-types/batch/v1";
import { invalid, notSupported, required, tooMany } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import type { Job } from "../object.ts";
import { labelSelectorOf, matches } from "../selectors.ts";
import { validateLabelSelector, validateNonNegative } from "./_check.ts";
import { validatePodTemplate } from "./_workload.ts";

const completionModes = ["NonIndexed", "Indexed"];
const restartPolicies = ["OnFailure", "Never"];
const replacementPolicies = ["Failed", "TerminatingOrFailed"];
const failureActions = ["Count", "FailIndex", "FailJob", "Ignore"];
const exitCodeOperators = ["In", "NotIn"];
const maxIndexedParallelism = 100_000;
const maxFailureRules = 20;
const maxFailurePatterns = 20;
const maxExitCodes = 255;

const uidLabel = "batch.kubernetes.io/controller-uid";

/** Label → its value: how a Job's Pods are told from all others. The names without a prefix are older. */
function labelsOf({ metadata: { name, uid = "" } }: Job): Readonly<Record<string, string>> {
  return { "controller-uid": uid, [uidLabel]: uid, "job-name": name, "batch.kubernetes.io/job-name": name };
}

/** Gives a new Job a selector and its template the labels that fit, in place; what the user has set stays, for validation to judge. */
export function generateSelector(job: Job): void {
  const { spec, metadata } = job;
  spec.template ??= {};
  spec.template.metadata ??= {};
  const { metadata: template } = spec.template;
  template.labels = { ...labelsOf(job), ...template.labels };
  spec.selector ??= {};
  spec.selector.matchLabels = { [uidLabel]: metadata.uid ?? "", ...spec.selector.matchLabels };
}

export function validateJob(job: Job): FieldError[] {
  const { spec } = job;
  const faults = [...validateGenerated(job), ...validateJobSpec("spec", spec)];
  if (!spec.selector) return [...faults, required("spec.selector")];
  const selectorFaults = validateLabelSelector("spec.selector", spec.selector);
  const labels = spec.template?.metadata?.labels ?? {};
  if (selectorFaults.length === 0 && !matches(labelSelectorOf(spec.selector), labels)) {
    selectorFaults.push(
      invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"),
    );
  }
  return [...faults, ...selectorFaults];
}

function validateGenerated(job: Job): FieldError[] {
  const { spec, metadata } = job;
  if (spec.manualSelector === true || !spec.selector) return [];
  const faults: FieldError[] = metadata.uid ? [] : [required("metadata.uid")];
  const labels = spec.template?.metadata?.labels ?? {};
  for (const [label, value] of Object.entries(labelsOf(job))) {
    const field = `spec.template.metadata.labels[${label}]`;
    if (labels[label] === undefined) faults.push(required(field, `must be '${value}'`));
    else if (labels[label] !== value) faults.push(invalid(field, labels, `must be '${value}'`));
  }
  const isSound = validateLabelSelector("", spec.selector).length === 0;
  if (isSound && !matches(labelSelectorOf(spec.selector), labelsOf(job))) {
    faults.push(invalid("spec.selector", spec.selector, "`selector` not auto-generated"));
  }
  return faults;
}

const limits = [
  "parallelism",
  "completions",
  "activeDeadlineSeconds",
  "backoffLimit",
  "ttlSecondsAfterFinished",
  "backoffLimitPerIndex",
  "maxFailedIndexes",
] as const;

/** Faults of a Job's spec that stands at `field`, but for its selector. */
export function validateJobSpec(field: string, spec: JobSpec): FieldError[] {
  return [
    ...limits.flatMap((name) => validateNonNegative(`${field}.${name}`, spec[name])),
    ...validateIndexes(field, spec),
    ...validateFailurePolicy(`${field}.podFailurePolicy`, spec),
    ...validateSuccessPolicy(`${field}.successPolicy`, spec),
    ...validateReplacement(`${field}.podReplacementPolicy`, spec),
    ...(spec.template ? validatePodTemplate(`${field}.template`, spec.template) : [required(`${field}.template`)]),
    ...validateRestartPolicy(`${field}.template.spec.restartPolicy`, spec),
  ];
}

function validateIndexes(field: string, spec: JobSpec): FieldError[] {
  const { completionMode: mode, completions, parallelism = 0, backoffLimitPerIndex, maxFailedIndexes } = spec;
  const faults: FieldError[] = [];
  if (mode !== undefined && !completionModes.includes(mode)) {
    faults.push(notSupported(`${field}.completionMode`, mode, completionModes));
  }
  if (mode === "Indexed") {
    if (completions === undefined) faults.push(required(`${field}.completions`, "when completion mode is Indexed"));
    else if (parallelism > maxIndexedParallelism) {
      const detail = `must be less than or equal to ${maxIndexedParallelism} when completion mode is Indexed`;
      faults.push(invalid(`${field}.parallelism`, parallelism, detail));
    }
  } else if (backoffLimitPerIndex !== undefined) {
    faults.push(invalid(`${field}.backoffLimitPerIndex`, backoffLimitPerIndex, "requires indexed completion mode"));
  }
  if (maxFailedIndexes === undefined) return faults;
  if (backoffLimitPerIndex === undefined) {
    faults.push(required(`${field}.backoffLimitPerIndex`, "when maxFailedIndexes is specified"));
  }
  if (completions !== undefined && maxFailedIndexes > completions) {
    faults.push(invalid(`${field}.maxFailedIndexes`, maxFailedIndexes, "must be less than or equal to completions"));
  }
  return faults;
}

function validateFailurePolicy(field: string, { podFailurePolicy, ...spec }: JobSpec): FieldError[] {
  if (!podFailurePolicy) return [];
  const rules = podFailurePolicy.rules ?? [];
  if (rules.length > maxFailureRules) return [tooMany(`${field}.rules`, rules.length, maxFailureRules)];
  const names = new Set((spec.template?.spec?.containers ?? []).map(({ name }) => name));
  return rules.flatMap((rule, index) => validateFailureRule(`${field}.rules[${index}]`, rule, spec, names));
}

function validateFailureRule(
  path: string,
  { action, onExitCodes, onPodConditions = [] }: PodFailurePolicyRule,
  spec: JobSpec,
  containers: ReadonlySet<string>,
): FieldError[] {
  const faults: FieldError[] = [];
  if (!action) faults.push(required(`${path}.action`, `valid values: ${quoted(failureActions)}`));
  else if (!failureActions.includes(action)) faults.push(notSupported(`${path}.action`, action, failureActions));
  else if (action === "FailIndex" && spec.backoffLimitPerIndex === undefined) {
    faults.push(invalid(`${path}.action`, action, "requires the backoffLimitPerIndex to be set"));
  }
  if (onExitCodes && onPodConditions.length > 0) {
    faults.push(invalid(path, "", "specifying both OnExitCodes and OnPodConditions is not supported"));
  }
  if (!onExitCodes && onPodConditions.length === 0) {
    faults.push(invalid(path, "", "specifying one of OnExitCodes and OnPodConditions is required"));
  }
  if (onPodConditions.length > maxFailurePatterns) {
    faults.push(tooMany(`${path}.onPodConditions`, onPodConditions.length, maxFailurePatterns));
  }
  return onExitCodes ? [...faults, ...validateExitCodes(`${path}.onExitCodes`, onExitCodes, containers)] : faults;
}

function validateExitCodes(
  path: string,
  { containerName, operator, values }: NonNullable<PodFailurePolicyRule["onExitCodes"]>,
  containers: ReadonlySet<string>,
): FieldError[] {
  const faults: FieldError[] = [];
  if (!exitCodeOperators.includes(operator)) {
    faults.push(notSupported(`${path}.operator`, operator, exitCodeOperators));
  }
  if (containerName !== undefined && !containers.has(containerName)) {
    faults.push(
      invalid(
        `${path}.containerName`,
        containerName,
        "must be one of the container or initContainer names in the pod template",
      ),
    );
  }
  if (values.length === 0) faults.push(invalid(`${path}.values`, values, "at least one value is required"));
  if (values.length > maxExitCodes) faults.push(tooMany(`${path}.values`, values.length, maxExitCodes));
  const zero = values.indexOf(0);
  if (operator === "In" && zero >= 0) {
    faults.push(invalid(`${path}.values[${zero}]`, 0, "must not be 0 for the In operator"));
  }
  return faults;
}

function validateSuccessPolicy(field: string, { successPolicy, completionMode }: JobSpec): FieldError[] {
  if (!successPolicy) return [];
  if (completionMode !== "Indexed") return [invalid(field, successPolicy, "requires indexed completion mode")];
  if (successPolicy.rules.length === 0)
    return [required(`${field}.rules`, "at least one rules must be specified when the successPolicy is specified")];
  return successPolicy.rules.flatMap(({ succeededCount, succeededIndexes }, index) => {
    const path = `${field}.rules[${index}]`;
    if (succeededCount === undefined && succeededIndexes === undefined) {
      return [required(path, "at least one of succeededCount or succeededIndexes must be specified")];
    }
    return validateNonNegative(`${path}.succeededCount`, succeededCount);
  });
}

function validateReplacement(field: string, { podReplacementPolicy: policy, podFailurePolicy }: JobSpec): FieldError[] {
  if (policy === undefined) return [];
  const allowed = podFailurePolicy ? ["Failed"] : replacementPolicies;
  return allowed.includes(policy) ? [] : [notSupported(field, policy, allowed)];
}

const quoted = (words: readonly string[]): string => words.map((word) => JSON.stringify(word)).join(", ");

/** The Pods of a Job come to an end; those of a Job with a failure policy do not restart inside. */
function validateRestartPolicy(field: string, { template, podFailurePolicy }: JobSpec): FieldError[] {
  const policy = template?.spec?.restartPolicy ?? "";
  if (!policy || policy === "Always") return [required(field, `valid values: ${quoted(restartPolicies)}`)];
  if (!restartPolicies.includes(policy)) return [notSupported(field, policy, restartPolicies)];
  if (!podFailurePolicy || policy === "Never") return [];
  return [invalid(field, policy, 'only "Never" is supported when podFailurePolicy is specified')];
}

/** A CronJob's Jobs choose their selectors themselves. */
export function validateNoSelector(field: string, { selector, manualSelector }: JobSpec): FieldError[] {
  const faults = selector ? [invalid(`${field}.selector`, selector, "`selector` will be auto-generated")] : [];
  if (manualSelector) faults.push(notSupported(`${field}.manualSelector`, manualSelector, ["nil", "false"]));
  return faults;
}
