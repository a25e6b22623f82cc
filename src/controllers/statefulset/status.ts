/** Status of a StatefulSet (apps/v1 StatefulSetStatus), as `kubectl rollout status` reads it. */
import type { Pod, StatefulSet } from "../../api/object.ts";
import { availableInMs, isFinished, isReady, isTerminating } from "../pod.ts";
import type { Revisions } from "./compute.ts";
import { revisionLabel } from "./identity.ts";

type Status = NonNullable<StatefulSet["status"]>;

/** The status, and when it will change by the mere passing of minReadySeconds. */
export function computeStatus(
  set: StatefulSet,
  { pods, revisions, nowMs }: { pods: readonly Pod[]; revisions: Revisions; nowMs: number },
): { status: Status; againInMs: number | undefined } {
  const { minReadySeconds = 0, replicas: wanted = 1, updateStrategy } = set.spec;
  const there = pods.filter((pod) => !isFinished(pod));
  const living = there.filter((pod) => !isTerminating(pod));
  const waits = living.map((pod) => availableInMs(pod, { minReadySeconds, nowMs }));
  const later = waits.filter((ms) => ms !== undefined && ms > 0) as number[];
  const ofRevision = (name: string) =>
    living.filter(({ metadata }) => metadata.labels?.[revisionLabel] === name).length;
  const readyReplicas = there.filter(isReady).length;
  const updatedReplicas = ofRevision(revisions.update);
  // Everything stands on the new template: the roll-out is over.
  const complete =
    updateStrategy?.type !== "OnDelete" &&
    [there.length, updatedReplicas, readyReplicas].every((count) => count === wanted);
  const { collisionCount = 0 } = set.status ?? {};
  return {
    status: {
      observedGeneration: set.metadata.generation ?? 0,
      replicas: there.length,
      readyReplicas,
      availableReplicas: waits.filter((ms) => ms === 0).length,
      currentReplicas: complete ? updatedReplicas : ofRevision(revisions.current),
      updatedReplicas,
      currentRevision: complete ? revisions.update : revisions.current,
      updateRevision: revisions.update,
      collisionCount,
    },
    againInMs: later.length > 0 ? Math.min(...later) : undefined,
  };
}

/** Zero counts may be left out by the server: absent and 0 are the same. */
export function sameStatus(one: Status | undefined, other: Status): boolean {
  return (Object.keys(other) as (keyof Status)[]).every((name) => (one?.[name] ?? 0) === (other[name] ?? 0));
}
