/** What a Job does next: which Pods it starts and ends, and what its conditions say (batch/v1 JobSpec; docs: "Jobs"). */
import type { JobCondition } from "kubernetes-types/batch/v1";
import type { Job, Pod } from "../../api/object.ts";
import { timestamp } from "../context.ts";
import { isFinished, isReady, isTerminating } from "../pod.ts";
import { indexOf } from "./indexes.ts";
import { isRunning, type Tally, tally, tallyStatus } from "./tally.ts";

export type JobStatus = NonNullable<Job["status"]>;

export interface JobEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export interface JobPlan {
  /** Pods to start; of an Indexed Job with their indexes. */
  readonly create: readonly (number | undefined)[];
  readonly delete: readonly Pod[];
  /** Ended Pods that may go once the status is written. */
  readonly release: readonly Pod[];
  readonly status: JobStatus;
  readonly events: readonly JobEvent[];
  /** When to look again, though nothing happens. */
  readonly againInMs: number | undefined;
}

/** Waits after failures: 10 s, doubling to 10 minutes. */
const backoffMs = { initial: 10_000, max: 600_000 };
/** Most Pods started in one pass. */
const burst = 500;

type Verdict = { readonly type: "Complete" | "Failed"; readonly reason: string; readonly message: string };

const isTrue = (job: Job, type: string): boolean =>
  job.status?.conditions?.some((condition) => condition.type === type && condition.status === "True") ?? false;

export const isJobFinished = (job: Job): boolean => isTrue(job, "Complete") || isTrue(job, "Failed");

export function planJob(job: Job, { pods, nowMs }: { pods: readonly Pod[]; nowMs: number }): JobPlan {
  const counts = tally(job, pods);
  const active = pods.filter(isRunning);
  const terminating = pods.filter((pod) => isTerminating(pod) && !isFinished(pod));
  const suspended = job.spec.suspend === true;
  const started = startOf(job, { nowMs, suspended });
  const verdict = isJobFinished(job) ? undefined : verdictOf(job, { counts, pods, active, nowMs });
  const over = verdict !== undefined || isJobFinished(job);
  const change = over || suspended ? { create: [], delete: active } : scale(job, { counts, pods, active, terminating });
  const delay = change.create.length > 0 ? backoffInMs(pods, nowMs) : 0;
  const create = delay > 0 ? [] : change.create.slice(0, burst);
  const running = active.length - change.delete.length + create.length;
  const quiet = running + terminating.length + change.delete.length === 0;
  // The last status of a Job has all its Pods in its numbers.
  const counted = counts.uncounted.succeeded.length + counts.uncounted.failed.length === 0;
  const finished = verdict !== undefined && quiet && counted;
  const noted = conditionsOf(job, { verdict, finished, suspended, nowMs });
  const deadline = over || suspended ? undefined : deadlineInMs(job, { startTime: started, nowMs });
  const waits = [delay > 0 ? delay : undefined, deadline, waitsForBurst(change.create, create)];
  return {
    create,
    delete: change.delete,
    release: counts.release,
    events: noted.events,
    status: {
      ...(started ? { startTime: started } : {}),
      ...completionOf(job, { verdict, finished, nowMs }),
      ...(noted.conditions.length > 0 ? { conditions: noted.conditions } : {}),
      ...(running > 0 ? { active: running } : {}),
      ready: active.filter((pod) => isReady(pod) && !change.delete.includes(pod)).length,
      terminating: terminating.length,
      ...tallyStatus(counts),
    },
    againInMs: earliest(waits),
  };
}

const earliest = (waits: readonly (number | undefined)[]): number | undefined => {
  const known = waits.filter((ms) => ms !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
};

const waitsForBurst = (wanted: readonly unknown[], create: readonly unknown[]): number | undefined =>
  create.length > 0 && create.length < wanted.length ? 10 : undefined;

/** A suspended Job has not begun; it begins anew when it is resumed. */
function startOf(job: Job, { nowMs, suspended }: { nowMs: number; suspended: boolean }): string | undefined {
  const known = job.status?.startTime;
  if (isJobFinished(job)) return known;
  return suspended ? undefined : (known ?? timestamp(nowMs));
}

function completionOf(
  job: Job,
  { verdict, finished, nowMs }: { verdict: Verdict | undefined; finished: boolean; nowMs: number },
): { completionTime?: string } {
  if (job.status?.completionTime) return { completionTime: job.status.completionTime };
  return finished && verdict?.type === "Complete" ? { completionTime: timestamp(nowMs) } : {};
}

/** Completed or failed, if the Job is either. */
function verdictOf(
  job: Job,
  { counts, pods, active, nowMs }: { counts: Tally; pods: readonly Pod[]; active: readonly Pod[]; nowMs: number },
): Verdict | undefined {
  const target = job.status?.conditions?.find(({ type, status }) => type === "FailureTarget" && status === "True");
  if (target) return { type: "Failed", reason: target.reason ?? "", message: target.message ?? "" };
  const { completions, backoffLimit = 6, activeDeadlineSeconds } = job.spec;
  const tried = counts.allFailed > backoffLimit || restartsReached(job, pods, backoffLimit);
  if (tried) {
    return { type: "Failed", reason: "BackoffLimitExceeded", message: "Job has reached the specified backoff limit" };
  }
  const since = Date.parse(job.status?.startTime ?? "");
  if (activeDeadlineSeconds !== undefined && !job.spec.suspend && nowMs - since >= activeDeadlineSeconds * 1000) {
    return { type: "Failed", reason: "DeadlineExceeded", message: "Job was active longer than specified deadline" };
  }
  const done = completions === undefined ? counts.allSucceeded > 0 && active.length === 0 : false;
  if (done || (completions !== undefined && counts.allSucceeded >= completions)) {
    return { type: "Complete", reason: "CompletionsReached", message: "Reached expected number of succeeded pods" };
  }
  return undefined;
}

/** With restartPolicy OnFailure the containers' restarts count against the limit. */
function restartsReached({ spec }: Job, pods: readonly Pod[], limit: number): boolean {
  if (spec.template?.spec?.restartPolicy !== "OnFailure") return false;
  const restarts = pods
    .filter(isRunning)
    .flatMap(({ status }) => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])])
    .reduce((sum, { restartCount }) => sum + restartCount, 0);
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

interface Present {
  readonly counts: Tally;
  readonly pods: readonly Pod[];
  readonly active: readonly Pod[];
  readonly terminating: readonly Pod[];
}

/** Enough Pods for what is still to be done, `parallelism` at once. */
function scale(job: Job, present: Present): { create: (number | undefined)[]; delete: Pod[] } {
  const { counts, active, terminating } = present;
  const { completions, parallelism = 1, podReplacementPolicy } = job.spec;
  const left = completions === undefined ? parallelism : Math.max(0, completions - counts.allSucceeded);
  // Of a work queue, one success says that the work is done: the others end by themselves.
  const wanted =
    completions === undefined && counts.allSucceeded > 0
      ? Math.min(active.length, parallelism)
      : Math.min(parallelism, left);
  if (active.length > wanted) return { create: [], delete: leastReadyFirst(active).slice(0, active.length - wanted) };
  const blocking = podReplacementPolicy === "Failed" ? terminating.length : 0;
  const count = Math.max(0, wanted - active.length - blocking);
  if (job.spec.completionMode !== "Indexed")
    return { create: Array.from({ length: count }, () => undefined), delete: [] };
  return indexed(job, { ...present, count });
}

/** The lowest indexes that are neither done nor worked on; of two Pods of one index the younger goes. */
function indexed(job: Job, { counts, active, terminating, count }: Present & { count: number }) {
  const { completions = 0, podReplacementPolicy } = job.spec;
  const taken = new Set<number>(counts.completedIndexes);
  const surplus: Pod[] = [];
  for (const pod of [...active].sort(olderFirst)) {
    const index = indexOf(pod);
    if (index === undefined || index >= completions || taken.has(index)) surplus.push(pod);
    else taken.add(index);
  }
  for (const pod of podReplacementPolicy === "Failed" ? terminating : []) taken.add(indexOf(pod) ?? -1);
  const create: number[] = [];
  for (let index = 0; index < completions && create.length < count + surplus.length; index++) {
    if (!taken.has(index)) create.push(index);
  }
  return { create, delete: surplus };
}

const olderFirst = (one: Pod, other: Pod): number =>
  (one.metadata.creationTimestamp ?? "") < (other.metadata.creationTimestamp ?? "") ? -1 : 1;

const leastReadyFirst = (pods: readonly Pod[]): Pod[] =>
  [...pods].sort((one, other) => Number(isReady(one)) - Number(isReady(other)) || olderFirst(other, one));

/** Milliseconds to wait since the last failure, by the number of failures since the last success. */
export function backoffInMs(pods: readonly Pod[], nowMs: number): number {
  const endOf = (pod: Pod): number => {
    const ends = (pod.status?.containerStatuses ?? []).map(({ state }) =>
      Date.parse(state?.terminated?.finishedAt ?? ""),
    );
    const known = ends.filter((ms) => !Number.isNaN(ms));
    return known.length > 0 ? Math.max(...known) : Date.parse(pod.metadata.creationTimestamp ?? "");
  };
  const succeeded = pods.filter(({ status }) => status?.phase === "Succeeded").map(endOf);
  const lastSuccess = Math.max(0, ...succeeded);
  const failures = pods
    .filter(({ status }) => status?.phase === "Failed")
    .map(endOf)
    .filter((ms) => ms > lastSuccess);
  if (failures.length === 0) return 0;
  const wait = Math.min(backoffMs.max, backoffMs.initial * 2 ** (failures.length - 1));
  return Math.max(0, Math.max(...failures) + wait - nowMs);
}

function deadlineInMs(
  { spec }: Job,
  { startTime, nowMs }: { startTime: string | undefined; nowMs: number },
): number | undefined {
  if (spec.activeDeadlineSeconds === undefined || !startTime) return undefined;
  return Math.max(1, Date.parse(startTime) + spec.activeDeadlineSeconds * 1000 - nowMs);
}

/** First the Job is about to be over, then, when no Pod runs any more, it is. */
function conditionsOf(
  job: Job,
  {
    verdict,
    finished,
    suspended,
    nowMs,
  }: { verdict: Verdict | undefined; finished: boolean; suspended: boolean; nowMs: number },
): { conditions: JobCondition[]; events: JobEvent[] } {
  const conditions = [...(job.status?.conditions ?? [])];
  const events: JobEvent[] = [];
  const set = (type: string, status: "True" | "False", { reason, message }: { reason: string; message: string }) => {
    const index = conditions.findIndex((condition) => condition.type === type);
    if (conditions[index]?.status === status) return false;
    const now = timestamp(nowMs);
    const condition = { type, status, reason, message, lastProbeTime: now, lastTransitionTime: now };
    if (index < 0) conditions.push(condition);
    else conditions[index] = condition;
    return true;
  };
  if (verdict) {
    set(verdict.type === "Complete" ? "SuccessCriteriaMet" : "FailureTarget", "True", verdict);
    if (finished && set(verdict.type, "True", verdict)) {
      events.push(
        verdict.type === "Complete"
          ? { type: "Normal", reason: "Completed", message: "Job completed" }
          : { type: "Warning", reason: verdict.reason, message: verdict.message },
      );
    }
  } else if (!isJobFinished(job)) {
    const [reason, message] = suspended ? ["Suspended", "Job suspended"] : ["Resumed", "Job resumed"];
    const known = conditions.some(({ type }) => type === "Suspended");
    const changes = suspended || known;
    if (changes && set("Suspended", suspended ? "True" : "False", { reason: `Job${reason}`, message })) {
      events.push({ type: "Normal", reason, message });
    }
  }
  return { conditions, events };
}

/** Milliseconds until a finished Job is deleted; undefined: it stays. */
export function expiryInMs(job: Job, nowMs: number): number | undefined {
  const { ttlSecondsAfterFinished: seconds } = job.spec;
  if (seconds === undefined || !isJobFinished(job)) return undefined;
  const end = job.status?.conditions?.find(
    ({ type, status }) => status === "True" && (type === "Complete" || type === "Failed"),
  )?.lastTransitionTime;
  return Math.max(0, Date.parse(end ?? "") + seconds * 1000 - nowMs);
}
