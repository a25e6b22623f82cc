/** How many Pods of a PodDisruptionBudget may be disrupted now (policy/v1 PodDisruptionBudget). */
import type { Pod, PodDisruptionBudget } from "../../api/object.ts";
import { timestamp } from "../context.ts";
import { isReady, isTerminating } from "../pod.ts";
import { resolveShare } from "../share.ts";

type Status = NonNullable<PodDisruptionBudget["status"]>;

/** An eviction that was allowed but led to no deletion is forgotten after this time. */
const disruptionTimeoutMs = 120_000;

interface Input {
  /** All that the budget selects. */
  readonly pods: readonly Pod[];
  /** The size of the workload above each Pod, by the workload's uid. */
  readonly scales: ReadonlyMap<string, number>;
  readonly nowMs: number;
}

/** What must be there, and what must be healthy of it. */
function wanted({ spec }: PodDisruptionBudget, { pods, scales }: Input): { expected: number; healthy: number } {
  const { minAvailable, maxUnavailable } = spec;
  const scale = [...scales.values()].reduce((sum, replicas) => sum + replicas, 0);
  if (maxUnavailable !== undefined) {
    const missing = resolveShare(maxUnavailable, { total: scale, round: "up" });
    return { expected: scale, healthy: Math.max(0, scale - missing) };
  }
  if (typeof minAvailable === "number") return { expected: pods.length, healthy: minAvailable };
  if (minAvailable === undefined) return { expected: pods.length, healthy: 1 };
  return { expected: scale, healthy: resolveShare(minAvailable, { total: scale, round: "up" }) };
}

/** The status, and when an allowed eviction that led to nothing will be forgotten. */
export function computeStatus(
  budget: PodDisruptionBudget,
  input: Input,
): { status: Status; againInMs: number | undefined } {
  const { pods, nowMs } = input;
  const { expected, healthy: desiredHealthy } = wanted(budget, input);
  const waits: number[] = [];
  const disrupted = Object.entries(budget.status?.disruptedPods ?? {}).filter(([name, time]) => {
    const pod = pods.find(({ metadata }) => metadata.name === name);
    const leftMs = Date.parse(time) + disruptionTimeoutMs - nowMs;
    if (!pod || isTerminating(pod) || leftMs <= 0) return false;
    waits.push(leftMs);
    return true;
  });
  const going = new Set(disrupted.map(([name]) => name));
  const currentHealthy = pods.filter(
    (pod) => isReady(pod) && !isTerminating(pod) && !going.has(pod.metadata.name),
  ).length;
  const disruptionsAllowed = expected > 0 ? Math.max(0, currentHealthy - desiredHealthy) : 0;
  const observedGeneration = budget.metadata.generation ?? 0;
  return {
    status: {
      observedGeneration,
      disruptionsAllowed,
      currentHealthy,
      desiredHealthy,
      expectedPods: expected,
      ...(disrupted.length > 0 ? { disruptedPods: Object.fromEntries(disrupted) } : {}),
      conditions: [condition(budget, { disruptionsAllowed, observedGeneration, nowMs })],
    },
    againInMs: waits.length > 0 ? Math.min(...waits) : undefined,
  };
}

function condition(
  { status }: PodDisruptionBudget,
  {
    disruptionsAllowed,
    observedGeneration,
    nowMs,
  }: { disruptionsAllowed: number; observedGeneration: number; nowMs: number },
) {
  const type = "DisruptionAllowed";
  const value = disruptionsAllowed > 0 ? "True" : "False";
  const reason = disruptionsAllowed > 0 ? "SufficientPods" : "InsufficientPods";
  const old = status?.conditions?.find((one) => one.type === type);
  const lastTransitionTime = old?.status === value ? old.lastTransitionTime : timestamp(nowMs);
  return { type, status: value, reason, message: "", observedGeneration, lastTransitionTime };
}
