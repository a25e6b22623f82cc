/** Rules of Jobs, which the templates of CronJobs share. Source: the field docs of JobSpec. */
import type { JobSpec } from "kubernetes-types/batch/v1";
import { invalid, notSupported, required } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import { checkDnsLabel } from "../names.ts";
import type { Job } from "../object.ts";
import { labelSelectorOf, matches } from "../selectors.ts";
import { validateLabelSelector, validateNonNegative } from "./_check.ts";
import { validatePodTemplate } from "./_workload.ts";
import { validateFailurePolicy } from "./job-failure-policy.ts";

const completionModes = ["NonIndexed", "Indexed"];
const restartPolicies = ["OnFailure", "Never"];
const replacementPolicies = ["Failed", "TerminatingOrFailed"];
const maxIndexedParallelism = 100_000;
const maxFailedIndexesOfAll = 100_000;
/** Above so many completions, retries by index are dearer. */
const manyCompletions = 100_000;
const maxOfMany = 10_000;

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
  const faults = [...validateGenerated(job), ...validateJobSpec("spec", spec), ...validateHostName(job)];
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

/** The last Pod of an indexed Job has the longest host name. */
function validateHostName({ metadata, spec }: Job): FieldError[] {
  const { completionMode, completions = 0 } = spec;
  const longest = `${metadata.name}-${completions - 1}`;
  if (completionMode !== "Indexed" || completions <= 0 || checkDnsLabel(longest).length === 0) return [];
  const detail = `will not able to create pod with invalid DNS label: ${longest}`;
  return [invalid("metadata.name", metadata.name, detail)];
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
  const { completionMode: mode = "NonIndexed", backoffLimitPerIndex, maxFailedIndexes } = spec;
  const faults: FieldError[] = [];
  if (maxFailedIndexes !== undefined && backoffLimitPerIndex === undefined) {
    faults.push(required(`${field}.backoffLimitPerIndex`, "when maxFailedIndexes is specified"));
  }
  if (!completionModes.includes(mode)) faults.push(notSupported(`${field}.completionMode`, mode, completionModes));
  if (mode === "Indexed") return [...faults, ...validateIndexedCounts(field, spec)];
  if (mode !== "NonIndexed") return faults;
  for (const name of ["backoffLimitPerIndex", "maxFailedIndexes"] as const) {
    const limit = spec[name];
    if (limit !== undefined) faults.push(invalid(`${field}.${name}`, limit, "requires indexed completion mode"));
  }
  return faults;
}

function validateIndexedCounts(field: string, spec: JobSpec): FieldError[] {
  const { completions, parallelism = 0, backoffLimitPerIndex, maxFailedIndexes } = spec;
  const faults: FieldError[] = [];
  const exceeds = (name: "parallelism" | "maxFailedIndexes", limit: number | string, suffix = "") =>
    faults.push(invalid(`${field}.${name}`, spec[name], `must be less than or equal to ${limit}${suffix}`));
  if (completions === undefined) faults.push(required(`${field}.completions`, "when completion mode is Indexed"));
  if (parallelism > maxIndexedParallelism) {
    exceeds("parallelism", maxIndexedParallelism, " when completion mode is Indexed");
  }
  const failed = maxFailedIndexes ?? 0;
  if (completions !== undefined && failed > completions) exceeds("maxFailedIndexes", "completions");
  if (failed > maxFailedIndexesOfAll) exceeds("maxFailedIndexes", maxFailedIndexesOfAll);
  if ((completions ?? 0) <= manyCompletions || backoffLimitPerIndex === undefined) return faults;
  const suffix = ` when completions are above ${manyCompletions} and used with backoff limit per index`;
  if (maxFailedIndexes === undefined) {
    const detail = `must be specified when completions is above ${manyCompletions}`;
    faults.push(required(`${field}.maxFailedIndexes`, detail));
  }
  if (parallelism > maxOfMany) exceeds("parallelism", maxOfMany, suffix);
  if (failed > maxOfMany) exceeds("maxFailedIndexes", maxOfMany, suffix);
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
