/** What follows from a Node's silence: its conditions, its taints, and which Pods must leave it. */
import type { NodeCondition, Taint } from "kubernetes-types/core/v1";
import type { Node, Pod } from "../../api/object.ts";
import { timestamp } from "../context.ts";
import { notReadyTaint, readyStatus, tolerates, unreachableTaint, unschedulableTaint } from "../node-fit.ts";

const outOfServiceTaint = "node.kubernetes.io/out-of-service";
const silentReason = "NodeStatusUnknown";
const silentMessage = "Kubelet stopped posting node status.";

/** The conditions of a Node that is silent; undefined: they say so already. */
export function silentConditions(node: Node, nowMs: number): NodeCondition[] | undefined {
  const present = node.status?.conditions ?? [];
  const known = present.some(({ type }) => type === "Ready") ? present : [...present, { type: "Ready", status: "" }];
  if (known.every(({ status }) => status === "Unknown")) return undefined;
  return known.map((condition) =>
    condition.status === "Unknown"
      ? condition
      : {
          ...condition,
          status: "Unknown",
          reason: silentReason,
          message: silentMessage,
          lastTransitionTime: timestamp(nowMs),
        },
  );
}

/** The Node's taints with those that its Ready condition and its being cordoned ask for; undefined: they are right. */
export function lifecycleTaints(node: Node, nowMs: number): Taint[] | undefined {
  const present = node.spec?.taints ?? [];
  const ready = readyStatus(node);
  const key = ready === "True" ? undefined : ready === "Unknown" ? unreachableTaint : notReadyTaint;
  const wanted: Pick<Taint, "key" | "effect">[] = [];
  if (key) wanted.push({ key, effect: "NoSchedule" }, { key, effect: "NoExecute" });
  if (node.spec?.unschedulable) wanted.push({ key: unschedulableTaint, effect: "NoSchedule" });
  const ours = new Set([notReadyTaint, unreachableTaint, unschedulableTaint]);
  const same = (one: Pick<Taint, "key" | "effect">, other: Pick<Taint, "key" | "effect">) =>
    one.key === other.key && one.effect === other.effect;
  const kept = present.filter((taint) => !ours.has(taint.key) || wanted.some((one) => same(one, taint)));
  const missing = wanted.filter((one) => !present.some((taint) => same(one, taint)));
  if (missing.length === 0 && kept.length === present.length) return undefined;
  return [...kept, ...missing.map((taint) => ({ ...taint, timeAdded: timestamp(nowMs) }))];
}

/** So long Pods that say nothing of it stay on a Node that is not ready or unreachable. */
export const defaultTolerationSec = 300;

interface Eviction {
  readonly node: Node;
  readonly nowMs: number;
  /** When a taint was seen first, for those that do not say when they were added. */
  readonly seenAtMs: (taint: Taint) => number;
  readonly tolerationSec: number;
}

/** Milliseconds until the Pod must leave its Node for a NoExecute taint; undefined: it may stay. */
export function evictionInMs(pod: Pod, { node, nowMs, seenAtMs, tolerationSec }: Eviction): number | undefined {
  const waits = (node.spec?.taints ?? []).flatMap((taint) => {
    if (taint.effect !== "NoExecute") return [];
    const matching = (pod.spec.tolerations ?? []).filter((toleration) => tolerates([toleration], taint));
    if (matching.some(({ tolerationSeconds }) => tolerationSeconds === undefined)) return [];
    const seconds = matching.map(({ tolerationSeconds = 0 }) => Math.max(0, tolerationSeconds));
    const ours = taint.key === notReadyTaint || taint.key === unreachableTaint;
    const forSec = seconds.length > 0 ? Math.min(...seconds) : ours ? tolerationSec : 0;
    const sinceMs = taint.timeAdded ? Date.parse(taint.timeAdded) : seenAtMs(taint);
    return [Math.max(0, sinceMs + forSec * 1000 - nowMs)];
  });
  return waits.length > 0 ? Math.min(...waits) : undefined;
}

/** An operator says that the Node is off: nobody there will end its Pods (docs: "Non-graceful node shutdown"). */
export const isOutOfService = (node: Node): boolean =>
  readyStatus(node) !== "True" &&
  (node.spec?.taints ?? []).some(({ key, effect }) => key === outOfServiceTaint && effect === "NoExecute");
