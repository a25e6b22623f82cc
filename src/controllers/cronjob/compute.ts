/** What a CronJob does now (batch/v1 CronJobSpec; docs: "CronJob"). */

import type { ObjectReference } from "kubernetes-types/core/v1";
import { cloneJson } from "../../api/json.ts";
import { parseCron } from "../../api/kinds/cron-schedule.ts";
import type { CronJob, Job } from "../../api/object.ts";
import { timestamp } from "../context.ts";
import { isJobFinished, type JobEvent } from "../job/compute.ts";
import { controllerReference } from "../owner.ts";
import { isTimeZone, lastDue, nextRunMs } from "./schedule.ts";

type Status = NonNullable<CronJob["status"]>;

export interface CronPlan {
  readonly create: Job | undefined;
  /** Jobs that a new one replaces, and finished ones beyond the limits. */
  readonly delete: readonly Job[];
  readonly status: Status;
  readonly events: readonly JobEvent[];
  readonly againInMs: number | undefined;
}

const scheduledAnnotation = "batch.kubernetes.io/cronjob-scheduled-timestamp";

export function planCronJob(cronJob: CronJob, { jobs, nowMs }: { jobs: readonly Job[]; nowMs: number }): CronPlan {
  const events = completed(cronJob, jobs);
  const running = jobs.filter((job) => !isJobFinished(job));
  const old = superfluous(cronJob, jobs);
  const status = { ...statusOf(cronJob, jobs), active: running.map(referenceTo) };
  const idle = { create: undefined, delete: old, status, events, againInMs: undefined };
  if (cronJob.spec.suspend) return idle;
  const schedule = parseCron(cronJob.spec.schedule);
  const timeZone = cronJob.spec.timeZone ?? "UTC";
  if (typeof schedule === "string" || !isTimeZone(timeZone)) {
    const message =
      typeof schedule === "string" ? `unparseable schedule: ${schedule}` : `invalid timeZone: ${timeZone}`;
    const reason = typeof schedule === "string" ? "UnparseableSchedule" : "UnknownTimeZone";
    return { ...idle, events: [...events, { type: "Warning", reason, message }] };
  }
  const next = nextRunMs(schedule, nowMs, timeZone);
  const againInMs = next === undefined ? undefined : next - nowMs;
  const { dueMs, tooMany } = lastDue(schedule, { fromMs: earliestMs(cronJob, nowMs), nowMs, timeZone });
  if (tooMany) events.push(missed);
  const replaced = cronJob.spec.concurrencyPolicy === "Replace" ? running : [];
  if (dueMs === undefined || alreadyDone(status, dueMs)) return { ...idle, againInMs };
  const late = refusal(cronJob, { dueMs, nowMs, running: running.length });
  if (late) return { ...idle, againInMs, events: [...events, late] };
  const create = buildJob(cronJob, dueMs);
  const left = running.filter((job) => !replaced.includes(job));
  return {
    create,
    delete: [...old, ...replaced],
    status: { ...status, active: left.map(referenceTo), lastScheduleTime: timestamp(dueMs) },
    events,
    againInMs,
  };
}

const missed: JobEvent = {
  type: "Warning",
  reason: "TooManyMissedTimes",
  message: "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew",
};

const alreadyDone = ({ lastScheduleTime }: Status, dueMs: number): boolean =>
  lastScheduleTime !== undefined && Date.parse(lastScheduleTime) >= dueMs;

/** Runs before this moment are not made up for. */
function earliestMs({ metadata, spec, status }: CronJob, nowMs: number): number {
  const since = Date.parse(status?.lastScheduleTime ?? metadata.creationTimestamp ?? timestamp(nowMs));
  const { startingDeadlineSeconds: seconds } = spec;
  return seconds === undefined ? since : Math.max(since, nowMs - seconds * 1000);
}

function refusal(
  { spec }: CronJob,
  { dueMs, nowMs, running }: { dueMs: number; nowMs: number; running: number },
): JobEvent | undefined {
  const { startingDeadlineSeconds: seconds, concurrencyPolicy } = spec;
  if (seconds !== undefined && dueMs + seconds * 1000 < nowMs) {
    const message = `Missed scheduled time to start a job: ${new Date(dueMs).toUTCString()}`;
    return { type: "Warning", reason: "MissSchedule", message };
  }
  if (concurrencyPolicy === "Forbid" && running > 0) {
    const message = "Not starting job because prior execution is running and concurrency policy is Forbid";
    return { type: "Normal", reason: "JobAlreadyActive", message };
  }
  return undefined;
}

const hasSucceeded = ({ status }: Job): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === "Complete" && value === "True") ?? false;

/** Jobs that ran when the status was last written, and do so no longer. */
function completed({ status }: CronJob, jobs: readonly Job[]): JobEvent[] {
  const before = new Set((status?.active ?? []).map(({ uid }) => uid));
  return jobs
    .filter((job) => isJobFinished(job) && before.has(job.metadata.uid ?? ""))
    .map((job) => {
      const condition = hasSucceeded(job) ? "Complete" : "Failed";
      const message = `Saw completed job: ${job.metadata.name}, condition: ${condition}`;
      return { type: "Normal" as const, reason: "SawCompletedJob", message };
    });
}

function statusOf({ status }: CronJob, jobs: readonly Job[]): Status {
  const ends = jobs.filter(hasSucceeded).flatMap((job) => job.status?.completionTime ?? []);
  const last = [...ends, ...(status?.lastSuccessfulTime ? [status.lastSuccessfulTime] : [])].sort().at(-1);
  return { ...status, ...(last ? { lastSuccessfulTime: last } : {}) };
}

/** Finished Jobs beyond the two limits, oldest first. */
function superfluous({ spec }: CronJob, jobs: readonly Job[]): Job[] {
  const startOf = ({ metadata, status }: Job) => status?.startTime ?? metadata.creationTimestamp ?? "";
  const oldest = (some: readonly Job[], limit: number) =>
    [...some].sort((one, other) => (startOf(one) < startOf(other) ? -1 : 1)).slice(0, Math.max(0, some.length - limit));
  const finished = jobs.filter((job) => isJobFinished(job) && !job.metadata.deletionTimestamp);
  return [
    ...oldest(finished.filter(hasSucceeded), spec.successfulJobsHistoryLimit ?? 3),
    ...oldest(
      finished.filter((job) => !hasSucceeded(job)),
      spec.failedJobsHistoryLimit ?? 1,
    ),
  ];
}

export function referenceTo({ metadata }: Job): ObjectReference {
  const { name, namespace = "", uid = "" } = metadata;
  return { apiVersion: "batch/v1", kind: "Job", name, namespace, uid };
}

/** The same run has the same name, so that it is started once only. */
function buildJob(cronJob: CronJob, dueMs: number): Job {
  const { name, namespace = "" } = cronJob.metadata;
  const { metadata = {}, spec } = cronJob.spec.jobTemplate;
  const { labels, annotations } = metadata;
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: `${name}-${Math.floor(dueMs / 60_000)}`,
      namespace,
      ...(labels ? { labels } : {}),
      annotations: { ...annotations, [scheduledAnnotation]: timestamp(dueMs) },
      ownerReferences: [controllerReference(cronJob)],
    },
    spec: cloneJson(spec ?? {}) as Job["spec"],
  };
}
