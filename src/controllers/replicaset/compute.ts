/** How many Pods a ReplicaSet lacks or has too many, which go first, and its status (apps/v1 ReplicaSet). */
import type { Pod, ReplicaSet } from "../../api/object.ts";
import { timestamp } from "../context.ts";
import { availableInMs, isActive, isReady, podCondition } from "../pod.ts";
import { matchesLabels } from "../selector.ts";

/** Most Pods created or deleted in one pass. */
const burst = 500;

export interface ReplicaSetPlan {
  readonly create: number;
  readonly delete: readonly Pod[];
}

export function planReplicas(
  replicaSet: ReplicaSet,
  pods: readonly Pod[],
  { nowMs }: { nowMs: number },
): ReplicaSetPlan {
  const active = pods.filter(isActive);
  const missing = (replicaSet.spec.replicas ?? 1) - active.length;
  if (missing >= 0) return { create: Math.min(burst, missing), delete: [] };
  return { create: 0, delete: rankForDeletion(active, nowMs).slice(0, Math.min(burst, -missing)) };
}

const phases = ["Pending", "Unknown", "Running"];
const deletionCostAnnotation = "controller.kubernetes.io/pod-deletion-cost";

const deletionCost = ({ metadata }: Pod): number => Number(metadata.annotations?.[deletionCostAnnotation] ?? 0) || 0;

const restarts = ({ status }: Pod): number =>
  Math.max(0, ...(status?.containerStatuses ?? []).map(({ restartCount }) => restartCount));

/**
 * Whose loss hurts least first: not assigned to a node, not running, not ready, of low deletion cost, on a node with many
 * of the same, ready for a short time only, often restarted, young.
 */
export function rankForDeletion(pods: readonly Pod[], nowMs: number): Pod[] {
  const onNode = new Map<string, number>();
  for (const { spec } of pods) onNode.set(spec.nodeName ?? "", (onNode.get(spec.nodeName ?? "") ?? 0) + 1);
  const age = (time: string | undefined) => (time ? nowMs - Date.parse(time) : 0);
  const criteria: ((pod: Pod) => number)[] = [
    ({ spec }) => (spec.nodeName ? 1 : 0),
    ({ status }) => phases.indexOf(status?.phase ?? "Pending"),
    (pod) => (isReady(pod) ? 1 : 0),
    deletionCost,
    ({ spec }) => -(onNode.get(spec.nodeName ?? "") ?? 0),
    (pod) => (isReady(pod) ? age(podCondition(pod, "Ready")?.lastTransitionTime) : 0),
    (pod) => -restarts(pod),
    ({ metadata }) => age(metadata.creationTimestamp),
  ];
  return [...pods].sort((one, other) => {
    for (const of of criteria) if (of(one) !== of(other)) return of(one) - of(other);
    return 0;
  });
}

export type ReplicaSetStatus = NonNullable<ReplicaSet["status"]>;
type Status = ReplicaSetStatus;

/** The status, and when it will change by the mere passing of minReadySeconds. */
export function computeStatus(
  replicaSet: ReplicaSet,
  {
    pods,
    failure,
    nowMs,
  }: { pods: readonly Pod[]; failure: { reason: string; message: string } | undefined; nowMs: number },
): { status: Status; againInMs: number | undefined } {
  const { minReadySeconds = 0, template } = replicaSet.spec;
  const active = pods.filter(isActive);
  const waits = active.map((pod) => availableInMs(pod, { minReadySeconds, nowMs }));
  const later = waits.filter((ms) => ms !== undefined && ms > 0) as number[];
  const labels = template?.metadata?.labels ?? {};
  const old = replicaSet.status?.conditions?.find(({ type }) => type === "ReplicaFailure");
  const others = (replicaSet.status?.conditions ?? []).filter(({ type }) => type !== "ReplicaFailure");
  const lastTransitionTime = old?.lastTransitionTime ?? timestamp(nowMs);
  const conditions = failure
    ? [...others, { type: "ReplicaFailure", status: "True", lastTransitionTime, ...failure }]
    : others;
  return {
    status: {
      replicas: active.length,
      fullyLabeledReplicas: active.filter(({ metadata }) => matchesLabels(labels, metadata.labels)).length,
      readyReplicas: active.filter(isReady).length,
      availableReplicas: waits.filter((ms) => ms === 0).length,
      observedGeneration: replicaSet.metadata.generation ?? 0,
      ...(conditions.length > 0 ? { conditions } : {}),
    },
    againInMs: later.length > 0 ? Math.min(...later) : undefined,
  };
}

/** Zero counts may be left out by the server: absent and 0 are the same. */
export function sameStatus(one: Status | undefined, other: Status): boolean {
  const counts = [
    "replicas",
    "fullyLabeledReplicas",
    "readyReplicas",
    "availableReplicas",
    "observedGeneration",
  ] as const;
  const failureOf = (status: Status | undefined) =>
    status?.conditions?.find(({ type }) => type === "ReplicaFailure")?.message;
  return counts.every((name) => (one?.[name] ?? 0) === (other[name] ?? 0)) && failureOf(one) === failureOf(other);
}
