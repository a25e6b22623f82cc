/** What follows from a Node's silence: its conditions, its taints, and which Pods must leave it. */
import type { NodeCondition, Taint } from "kubernetes-types/core/v1";
import type { Node, Pod } from "../../api/object.ts";
import { timestamp } from "../context.ts";
import { notReadyTaint, readyStatus, unreachableTaint, unschedulableTaint } from "../node-fit.ts";

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

/** Tolerated by Pods that say nothing of it, as Kubernetes' admission writes into them. */
const defaultTolerationSec = 300;

/** Milliseconds until the Pod must leave its Node for a NoExecute taint of ours; undefined: it may stay. */
export function evictionInMs(pod: Pod, { node, nowMs }: { node: Node; nowMs: number }): number | undefined {
  const waits = (node.spec?.taints ?? []).flatMap((taint) => {
    if (taint.effect !== "NoExecute" || ![notReadyTaint, unreachableTaint].includes(taint.key)) return [];
    const matching = (pod.spec.tolerations ?? []).filter(
      ({ key = "", operator = "Equal", effect = "" }) =>
        (key === taint.key || (key === "" && operator === "Exists")) && (effect === "" || effect === taint.effect),
    );
    if (matching.some(({ tolerationSeconds }) => tolerationSeconds === undefined)) return [];
    const seconds = matching.map(({ tolerationSeconds = 0 }) => tolerationSeconds);
    const forSec = seconds.length > 0 ? Math.min(...seconds) : defaultTolerationSec;
    return [Math.max(0, Date.parse(taint.timeAdded ?? timestamp(nowMs)) + forSec * 1000 - nowMs)];
  });
  return waits.length > 0 ? Math.min(...waits) : undefined;
}
