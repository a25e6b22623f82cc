import { humanDuration } from "../human-duration.ts";
import type { Kind } from "../kind.ts";
import type { Job } from "../object.ts";
import { jobs } from "../resource.ts";
import { formatLabelSelector, labelSelectorOf } from "../selectors.ts";
import { validateNonNegative } from "./_check.ts";
import { ageColumn, nameColumn, none, text, wide } from "./_column.ts";
import { warnAboutTemplate } from "./_pod-warnings.ts";
import { containerColumns, setTemplateDefaults, specOf } from "./_workload.ts";
import { validateJobUpdate } from "./job-update.ts";
import { generateSelector, validateJob } from "./job-validate.ts";

const maxInt32 = 0x7fffffff;

/** Source: the field docs of JobSpec. */
function setDefaults(job: Job): void {
  const spec = specOf(job);
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : maxInt32;
  spec.completionMode ||= "NonIndexed";
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? "Failed" : "TerminatingOrFailed";
  for (const { onPodConditions } of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of onPodConditions ?? []) pattern.status ||= "True";
  }
  inheritLabels(job);
  setTemplateDefaults(spec);
}

/** A Job without labels has those of its template, in place. */
function inheritLabels({ metadata, spec }: Job): void {
  const labels = spec.template?.metadata?.labels ?? {};
  const hasNone = Object.keys(metadata.labels ?? {}).length === 0;
  if (hasNone && Object.keys(labels).length > 0) metadata.labels = { ...labels };
}

/** In the order in which they count. */
const states: readonly (readonly [condition: string, shown: string])[] = [
  ["Complete", "Complete"],
  ["Failed", "Failed"],
  ["", "Terminating"],
  ["Suspended", "Suspended"],
  ["FailureTarget", "FailureTarget"],
  ["SuccessCriteriaMet", "SuccessCriteriaMet"],
];

function statusCell({ metadata, status }: Job): string {
  const met = (wanted: string): boolean =>
    (status?.conditions ?? []).some((condition) => condition.type === wanted && condition.status === "True");
  const isNow = (condition: string): boolean =>
    condition === "" ? metadata.deletionTimestamp !== undefined : met(condition);
  return states.find(([condition]) => isNow(condition))?.[1] ?? "Running";
}

function completionsCell({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationCell({ status }: Job, now: number): string {
  if (!status?.startTime) return "";
  const end = status.completionTime ? Date.parse(status.completionTime) : now;
  return humanDuration(end - Date.parse(status.startTime));
}

export const jobKind: Kind<Job> = {
  ...jobs,
  singular: "job",
  shortNames: [],
  categories: ["all"],
  status: true,
  subresources: [],
  schema: "io.k8s.api.batch.v1.Job",
  orphansByDefault: {
    warning:
      "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning",
  },
  setDefaults,
  prepareForCreate(job) {
    Object.assign(job, { status: {} });
    if (job.spec.manualSelector !== true) generateSelector(job);
    inheritLabels(job);
  },
  validate: validateJob,
  validateUpdate: validateJobUpdate,
  validateStatusUpdate: ({ status = {} }) => [
    ...validateNonNegative("status.active", status.active),
    ...validateNonNegative("status.succeeded", status.succeeded),
    ...validateNonNegative("status.failed", status.failed),
  ],
  fieldSelectors: { "status.successful": ({ status }) => String(status?.succeeded ?? 0) },
  warnings: ({ spec }, old) => warnAboutTemplate("spec.template", spec.template, old?.spec.template),
  columns: [
    nameColumn,
    text("Status", "What the Job has come to.", statusCell),
    text("Completions", "Pods that succeeded, of all that must.", completionsCell),
    text("Duration", "Time from its start to its completion, or until now.", durationCell),
    ageColumn,
    ...containerColumns(({ spec }: Job) => spec.template).map(wide),
    wide(
      text("Selector", "Labels of the Pods.", ({ spec }) => {
        return (spec.selector && formatLabelSelector(labelSelectorOf(spec.selector))) || none;
      }),
    ),
  ],
};
