import { invalid, required } from "../field-error.ts";
import { age } from "../human-duration.ts";
import type { FieldError, Kind } from "../kind.ts";
import type { CronJob } from "../object.ts";
import { cronJobs } from "../resource.ts";
import { formatLabelSelector, labelSelectorOf } from "../selectors.ts";
import { oneOf, validateNonNegative } from "./_check.ts";
import { ageColumn, integer, nameColumn, none, text, wide } from "./_column.ts";
import { warnAboutTemplate } from "./_pod-warnings.ts";
import { containerColumns, setTemplateDefaults, specOf } from "./_workload.ts";
import { parseCron } from "./cron-schedule.ts";
import { validateJobSpec, validateNoSelector } from "./job-validate.ts";

const concurrencyPolicies = ["Allow", "Forbid", "Replace"];
/** A Job's name is the CronJob's and eleven characters more. */
const maxName = 52;

/** Source: the field docs of CronJobSpec. The template of Jobs gets its defaults when it becomes a Job. */
function setDefaults(cronJob: CronJob): void {
  const spec = specOf(cronJob);
  spec.concurrencyPolicy ||= "Allow";
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
  if (spec.jobTemplate?.spec) setTemplateDefaults(spec.jobTemplate.spec);
}

function validate({ metadata, spec }: CronJob, old?: CronJob): FieldError[] {
  const { jobTemplate, concurrencyPolicy } = spec;
  const template = jobTemplate?.spec;
  const faults = [
    ...validateSchedule(spec),
    ...validateNonNegative("spec.startingDeadlineSeconds", spec.startingDeadlineSeconds),
    ...(spec.timeZone === old?.spec.timeZone ? [] : validateTimeZone(spec)),
    ...oneOf("spec.concurrencyPolicy", concurrencyPolicy, concurrencyPolicies),
    ...validateJobSpec("spec.jobTemplate.spec", template ?? { template: {} }),
    ...(template ? validateNoSelector("spec.jobTemplate.spec", template) : []),
    ...validateNonNegative("spec.successfulJobsHistoryLimit", spec.successfulJobsHistoryLimit),
    ...validateNonNegative("spec.failedJobsHistoryLimit", spec.failedJobsHistoryLimit),
  ];
  if (!old && metadata.name.length > maxName) {
    faults.push(invalid("metadata.name", metadata.name, `must be no more than ${maxName} characters`));
  }
  return faults;
}

function validateSchedule({ schedule }: CronJob["spec"]): FieldError[] {
  if (!schedule) return [required("spec.schedule")];
  if (schedule.includes("TZ")) {
    const detail = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
    return [invalid("spec.schedule", schedule, detail)];
  }
  const parsed = parseCron(schedule);
  return typeof parsed === "string" ? [invalid("spec.schedule", schedule, parsed)] : [];
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

function validateTimeZone({ timeZone }: CronJob["spec"]): FieldError[] {
  if (timeZone === undefined) return [];
  const field = "spec.timeZone";
  if (timeZone === "") return [invalid(field, timeZone, "timeZone must be nil or non-empty string")];
  if (timeZone.toLowerCase() === "local") {
    return [
      invalid(field, timeZone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"),
    ];
  }
  return isTimeZone(timeZone) ? [] : [invalid(field, timeZone, `unknown time zone ${timeZone}`)];
}

const flag = (value: boolean | undefined): string => (value === undefined ? "<unset>" : value ? "True" : "False");

export const cronJobKind: Kind<CronJob> = {
  ...cronJobs,
  singular: "cronjob",
  shortNames: ["cj"],
  categories: ["all"],
  status: true,
  subresources: [],
  schema: "io.k8s.api.batch.v1.CronJob",
  setDefaults,
  prepareForCreate: (cronJob) => void Object.assign(cronJob, { status: {} }),
  validate,
  warnings({ spec }, old) {
    const before = old?.spec.jobTemplate?.spec?.template;
    return warnAboutTemplate("spec.jobTemplate.spec.template", spec.jobTemplate?.spec?.template, before);
  },
  columns: [
    nameColumn,
    text("Schedule", "When its Jobs start, in Cron format.", ({ spec }) => spec.schedule ?? ""),
    text("Timezone", "Time zone of the schedule.", ({ spec }) => spec.timeZone ?? none),
    { ...text("Suspend", "True: no further Jobs are started.", ({ spec }) => flag(spec.suspend)), type: "boolean" },
    integer("Active", "Jobs that run.", ({ status }) => status?.active?.length ?? 0),
    text("Last Schedule", "Time since a Job was started last.", ({ status }, now) => {
      return status?.lastScheduleTime ? age(status.lastScheduleTime, now) : none;
    }),
    ageColumn,
    ...containerColumns(({ spec }: CronJob) => spec.jobTemplate?.spec?.template).map(wide),
    wide(
      text("Selector", "Labels of the Jobs' Pods.", ({ spec }) => {
        const selector = spec.jobTemplate?.spec?.selector;
        return (selector && formatLabelSelector(labelSelectorOf(selector))) || none;
      }),
    ),
  ],
};
