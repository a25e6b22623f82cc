/** Which Pods a StatefulSet makes and removes next (apps/v1 StatefulSetSpec; docs: "StatefulSets", guarantees). */
import type { Pod, StatefulSet } from "../../api/object.ts";
import { availableInMs, isFinished, isTerminating } from "../pod.ts";
import { resolveShare } from "../share.ts";
import { firstOrdinal, ordinalOf, revisionLabel, wantedOrdinals } from "./identity.ts";

export interface StatefulPlan {
  readonly create: readonly { readonly ordinal: number; readonly revision: string }[];
  /** Of them, those that ended by themselves are made again. */
  readonly delete: readonly Pod[];
}

/** Names of the revisions: `update` of the present template, `current` of the one before while a roll-out is under way. */
export interface Revisions {
  readonly current: string;
  readonly update: string;
}

interface Input {
  readonly pods: readonly Pod[];
  readonly revisions: Revisions;
  readonly nowMs: number;
}

export function planStatefulSet(set: StatefulSet, input: Input): StatefulPlan {
  const { pods, revisions } = input;
  const ordered = set.spec.podManagementPolicy !== "Parallel";
  const byOrdinal = new Map(pods.map((pod) => [ordinalOf(set, pod), pod]));
  const wanted = wantedOrdinals(set);
  const create: { ordinal: number; revision: string }[] = [];
  const remove: Pod[] = [];
  const plan = { create, delete: remove };
  for (const ordinal of wanted) {
    const pod = byOrdinal.get(ordinal);
    if (!pod) create.push({ ordinal, revision: revisionOfNew(set, { ordinal, revisions }) });
    else if (isFinished(pod) && !isTerminating(pod)) remove.push(pod);
    // The next one's turn comes when this one stands.
    if (ordered && !(pod && isHealthy(set, pod, input))) return plan;
  }
  const surplus = condemned(set, pods);
  if (ordered) {
    const [last] = surplus;
    if (last) return isTerminating(last) ? plan : { create, delete: [last] };
  } else remove.push(...surplus.filter((pod) => !isTerminating(pod)));
  remove.push(...outdated(set, { ...input, remove }));
  return plan;
}

/** Pods beyond the wanted ordinals, highest first. */
function condemned(set: StatefulSet, pods: readonly Pod[]): Pod[] {
  const wanted = new Set(wantedOrdinals(set));
  return pods
    .filter((pod) => !wanted.has(ordinalOf(set, pod) ?? -1))
    .sort((one, other) => (ordinalOf(set, other) ?? 0) - (ordinalOf(set, one) ?? 0));
}

function isHealthy({ spec }: StatefulSet, pod: Pod, { nowMs }: Pick<Input, "nowMs">): boolean {
  const { minReadySeconds = 0 } = spec;
  return !isTerminating(pod) && !isFinished(pod) && availableInMs(pod, { minReadySeconds, nowMs }) === 0;
}

/** First ordinal that is rolled over. */
const firstUpdated = (set: StatefulSet): number =>
  firstOrdinal(set) + (set.spec.updateStrategy?.rollingUpdate?.partition ?? 0);

/** A Pod below the partition comes back as it was. */
function revisionOfNew(set: StatefulSet, { ordinal, revisions }: { ordinal: number; revisions: Revisions }): string {
  const rolling = set.spec.updateStrategy?.type !== "OnDelete";
  return rolling && ordinal < firstUpdated(set) ? revisions.current : revisions.update;
}

/** Pods of a former template, from the highest ordinal down to the partition, while no more than maxUnavailable are missing. */
function outdated(set: StatefulSet, { pods, revisions, nowMs, remove }: Input & { remove: readonly Pod[] }): Pod[] {
  const { updateStrategy, replicas = 1 } = set.spec;
  if (updateStrategy?.type === "OnDelete") return [];
  const wanted = new Set(wantedOrdinals(set));
  const kept = pods.filter((pod) => wanted.has(ordinalOf(set, pod) ?? -1));
  const isOld = (pod: Pod) => pod.metadata.labels?.[revisionLabel] !== revisions.update;
  const old = kept
    .filter((pod) => isOld(pod) && !isTerminating(pod) && !remove.includes(pod))
    .filter((pod) => (ordinalOf(set, pod) ?? 0) >= firstUpdated(set))
    .sort((one, other) => (ordinalOf(set, other) ?? 0) - (ordinalOf(set, one) ?? 0));
  const missing = replicas - kept.filter((pod) => isHealthy(set, pod, { nowMs }) || old.includes(pod)).length;
  const unavailable = updateStrategy?.rollingUpdate?.maxUnavailable;
  const most = Math.max(1, resolveShare(unavailable ?? 1, { total: replicas, round: "up" }));
  return old.slice(0, Math.max(0, most - missing));
}
