/**
 * How many Pods of a Job succeeded and failed. A Pod is held by a finalizer until it is counted, so that none is lost or
 * counted twice, whoever deletes it and whenever this process ends:
 *
 *   ended, held ──> uid in status.uncountedTerminatedPods ──> finalizer removed ──> number in status.succeeded or failed
 *
 * Source: batch/v1 JobStatus.uncountedTerminatedPods.
 */
import type { Job, Pod } from "../../api/object.ts";
import { isFinished, isTerminating } from "../pod.ts";
import { formatIndexes, indexOf, parseIndexes } from "./indexes.ts";

export const trackingFinalizer = "batch.kubernetes.io/job-tracking";

export const isHeld = ({ metadata }: Pod): boolean => metadata.finalizers?.includes(trackingFinalizer) ?? false;

export interface Tally {
  /** As they go into the status. */
  readonly succeeded: number;
  readonly failed: number;
  readonly uncounted: { readonly succeeded: readonly string[]; readonly failed: readonly string[] };
  readonly completedIndexes: ReadonlySet<number> | undefined;
  /** Ended Pods, those included that are not in the numbers yet. */
  readonly allSucceeded: number;
  readonly allFailed: number;
  /** Held Pods that the new status accounts for: once it is written, they may go. */
  readonly release: readonly Pod[];
}

function hasFailed({ spec }: Job, pod: Pod): boolean {
  if (pod.status?.phase === "Failed") return true;
  // Deleted from outside while it ran; with the policy "Failed" it counts when it has ended.
  return spec.podReplacementPolicy !== "Failed" && isTerminating(pod) && pod.status?.phase !== "Succeeded";
}

export function tally(job: Job, pods: readonly Pod[]): Tally {
  const { succeeded = 0, failed = 0, uncountedTerminatedPods: before = {} } = job.status ?? {};
  const indexed = job.spec.completionMode === "Indexed";
  const held = new Map(pods.filter(isHeld).map((pod) => [pod.metadata.uid ?? "", pod]));
  const released = (uids: readonly string[] = []) => uids.filter((uid) => !held.has(uid));
  const pending = (uids: readonly string[] = []) => uids.filter((uid) => held.has(uid));
  const ended = [...held.values()];
  const succeededPods = ended.filter(({ status }) => status?.phase === "Succeeded");
  const failedPods = ended.filter((pod) => hasFailed(job, pod));
  const uidsOf = (some: readonly Pod[]) => some.map(({ metadata }) => metadata.uid ?? "");
  const union = (one: readonly string[], other: readonly string[]) => [...new Set([...one, ...other])];
  const completedIndexes = indexed ? parseIndexes(job.status?.completedIndexes) : undefined;
  for (const pod of indexed ? succeededPods : []) {
    const index = indexOf(pod);
    if (index !== undefined && index < (job.spec.completions ?? 0)) completedIndexes?.add(index);
  }
  const uncounted = {
    succeeded: indexed ? [] : union(pending(before.succeeded), uidsOf(succeededPods)),
    failed: union(pending(before.failed), uidsOf(failedPods)),
  };
  const sums = {
    succeeded: completedIndexes ? completedIndexes.size : succeeded + released(before.succeeded).length,
    failed: failed + released(before.failed).length,
  };
  return {
    ...sums,
    uncounted,
    completedIndexes,
    allSucceeded: sums.succeeded + uncounted.succeeded.length,
    allFailed: sums.failed + uncounted.failed.length,
    release: [...new Set([...succeededPods, ...failedPods])],
  };
}

/** Fields of the status that the tally gives. */
export function tallyStatus({ succeeded, failed, uncounted, completedIndexes }: Tally) {
  return {
    ...(succeeded > 0 ? { succeeded } : {}),
    ...(failed > 0 ? { failed } : {}),
    ...(completedIndexes && completedIndexes.size > 0 ? { completedIndexes: formatIndexes(completedIndexes) } : {}),
    uncountedTerminatedPods: {
      ...(uncounted.succeeded.length > 0 ? { succeeded: [...uncounted.succeeded] } : {}),
      ...(uncounted.failed.length > 0 ? { failed: [...uncounted.failed] } : {}),
    },
  };
}

/** Pods that run or will. */
export const isRunning = (pod: Pod): boolean => !isFinished(pod) && !isTerminating(pod);
