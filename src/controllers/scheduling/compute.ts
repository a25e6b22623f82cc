/** Which Node a Pod goes to, or the reasons why none takes it, in the words of kube-scheduler. */
import type { Pod } from "../../api/object.ts";
import { filterFor, type Refusal, type Scene } from "./filters.ts";
import type { NodePods } from "./node-pods.ts";
import { type Preemption, preempt } from "./preemption.ts";
import { best } from "./scores.ts";

export type Decision =
  | { readonly ok: true; readonly node: string }
  /** `preemption`: Pods that may be ended to make room. */
  | { readonly ok: false; readonly reason: string; readonly preemption: Preemption | undefined };

export function schedule(pod: Pod, scene: Scene): Decision {
  const { candidates } = scene;
  if (candidates.length === 0) {
    return { ok: false, reason: "no nodes available to schedule pods", preemption: undefined };
  }
  const filter = filterFor(pod, scene);
  const refusals = new Map<NodePods, Refusal>();
  const fitting = candidates.filter((candidate) => {
    const refusal = filter(candidate);
    if (refusal) refusals.set(candidate, refusal);
    return refusal === undefined;
  });
  const chosen = best(pod, fitting, scene);
  if (chosen) return { ok: true, node: chosen.name };
  const preemption = preempt(pod, { scene, refusals });
  const all = [...refusals.values()];
  const reason = `${summary(
    all.flatMap(({ reasons }) => reasons),
    all.length,
  )} preemption: ${preemptionSummary(pod, all)}`;
  return { ok: false, reason, preemption };
}

/** e.g. "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable." */
function summary(reasons: readonly string[], nodes: number): string {
  const counts = Map.groupBy(reasons, (reason) => reason);
  const lines = [...counts].map(([reason, all]) => `${all.length} ${reason}`).sort();
  return `0/${nodes} nodes are available: ${lines.join(", ")}.`;
}

function preemptionSummary({ spec }: Pod, refusals: readonly Refusal[]): string {
  if (spec.preemptionPolicy === "Never") return "not eligible due to preemptionPolicy=Never.";
  const reasons = refusals.map(({ helpless }) =>
    helpless ? "Preemption is not helpful for scheduling" : "No preemption victims found for incoming pod",
  );
  return summary(reasons, refusals.length);
}
