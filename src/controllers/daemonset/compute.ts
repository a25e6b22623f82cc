/** Which Nodes lack their Pod, which Pods must go, and the status of a DaemonSet (apps/v1 DaemonSet). */
import type { PodSpec, Toleration } from "kubernetes-types/core/v1";
import type { DaemonSet, Node, Pod } from "../../api/object.ts";
import { matchesNode, untoleratedTaint } from "../node-fit.ts";
import { availableInMs, isFinished, isReady, isTerminating } from "../pod.ts";
import { resolveShare } from "../share.ts";

export const revisionLabel = "controller-revision-hash";

/** Daemon Pods stay where others are sent away from (docs: "Taints and tolerations" of DaemonSet). */
function daemonTolerations(spec: Partial<PodSpec>): Toleration[] {
  const noExecute = ["not-ready", "unreachable"];
  const noSchedule = ["disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"];
  if (spec.hostNetwork) noSchedule.push("network-unavailable");
  const tolerate = (effect: string) => (name: string) => ({
    key: `node.kubernetes.io/${name}`,
    operator: "Exists",
    effect,
  });
  return [
    ...(spec.tolerations ?? []),
    ...noExecute.map(tolerate("NoExecute")),
    ...noSchedule.map(tolerate("NoSchedule")),
  ];
}

/** A Node that is not ready yet may need just this Pod to become so. */
function wantsPod({ spec }: DaemonSet, node: Node): boolean {
  const template = spec.template.spec ?? { containers: [] };
  const everReady = [
    ...daemonTolerations(template),
    { key: "node.kubernetes.io/not-ready", operator: "Exists" },
    { key: "node.kubernetes.io/unreachable", operator: "Exists" },
  ];
  return matchesNode(template, node) && untoleratedTaint(everReady, node) === undefined;
}

/** Node of a Pod that is bound, or will be by its affinity. */
function nodeNameOf({ spec }: Pod): string | undefined {
  if (spec.nodeName) return spec.nodeName;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const fields = required?.nodeSelectorTerms.flatMap(({ matchFields = [] }) => matchFields) ?? [];
  return fields.find(({ key }) => key === "metadata.name")?.values?.[0];
}

/** The Pod's spec, bound to one Node by affinity; the scheduler does the rest. */
export function specForNode(template: PodSpec, nodeName: string): PodSpec {
  const matchFields = [{ key: "metadata.name", operator: "In", values: [nodeName] }];
  const present = template.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
    ?.nodeSelectorTerms ?? [{}];
  const nodeSelectorTerms = present.map((term) => ({ ...term, matchFields }));
  const requiredDuringSchedulingIgnoredDuringExecution = { nodeSelectorTerms };
  const nodeAffinity = { ...template.affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution };
  return { ...template, affinity: { ...template.affinity, nodeAffinity }, tolerations: daemonTolerations(template) };
}

export interface DaemonPlan {
  /** Names of Nodes that get a Pod. */
  readonly create: readonly string[];
  readonly delete: readonly Pod[];
}

interface Input {
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  /** Value of the revision label for the present template. */
  readonly revision: string;
  readonly nowMs: number;
}

export function planDaemons(daemonSet: DaemonSet, input: Input): DaemonPlan {
  const { nodes, pods, revision } = input;
  const wanted = new Set(nodes.filter((node) => wantsPod(daemonSet, node)).map(({ metadata }) => metadata.name));
  const byNode = Map.groupBy(pods, (pod) => nodeNameOf(pod) ?? "");
  const remove: Pod[] = [];
  for (const [name, there] of byNode) {
    const living = there.filter((pod) => !isTerminating(pod));
    const running = living.filter((pod) => !isFinished(pod)).sort(olderFirst);
    // The oldest stays where there are several; finished ones are replaced.
    const kept = wanted.has(name) ? keptOf(daemonSet, running, revision) : [];
    remove.push(...living.filter(isFinished), ...running.filter((pod) => !kept.includes(pod)));
  }
  // A Node whose old Pod is still stopping gets the new one afterwards: they might share a host port.
  const create = [...wanted].filter((name) => !(byNode.get(name) ?? []).length);
  const update = rollOver(daemonSet, { ...input, wanted, kept: pods.filter((pod) => !remove.includes(pod)) });
  return { create: [...create, ...update.create], delete: [...remove, ...update.delete] };
}

const olderFirst = (one: Pod, other: Pod): number =>
  (one.metadata.creationTimestamp ?? "") < (other.metadata.creationTimestamp ?? "") ? -1 : 1;

const isOf = (revision: string, { metadata }: Pod): boolean => metadata.labels?.[revisionLabel] === revision;

/** Pods that stay on a Node: one, or during a surge the former and the present one. */
function keptOf(daemonSet: DaemonSet, running: readonly Pod[], revision: string): Pod[] {
  if (surgeOf(daemonSet, 100) === 0) return running.slice(0, 1);
  const present = running.filter((pod) => isOf(revision, pod));
  const former = running.filter((pod) => !isOf(revision, pod));
  return [...present.slice(0, 1), ...former.slice(0, 1)];
}

function surgeOf({ spec }: DaemonSet, total: number): number {
  if (spec.updateStrategy?.type === "OnDelete") return 0;
  return resolveShare(spec.updateStrategy?.rollingUpdate?.maxSurge ?? 0, { total, round: "up" });
}

type Rolling = Input & { readonly wanted: ReadonlySet<string>; readonly kept: readonly Pod[] };

/** What the roll-out does now: replaces former Pods, or with a surge adds present ones beside them first. */
function rollOver(daemonSet: DaemonSet, input: Rolling): DaemonPlan {
  if (daemonSet.spec.updateStrategy?.type === "OnDelete") return { create: [], delete: [] };
  const { wanted, kept, nowMs } = input;
  const { minReadySeconds = 0 } = daemonSet.spec;
  const isAvailable = (pod: Pod) => !isTerminating(pod) && availableInMs(pod, { minReadySeconds, nowMs }) === 0;
  const there = kept.filter((pod) => wanted.has(nodeNameOf(pod) ?? ""));
  const surge = surgeOf(daemonSet, wanted.size);
  return surge > 0
    ? surgeOver(surge, { ...input, there, isAvailable })
    : { create: [], delete: replaced(daemonSet, { ...input, there, isAvailable }) };
}

interface There {
  readonly there: readonly Pod[];
  readonly isAvailable: (pod: Pod) => boolean;
}

/** Pods of a former template that may go now without more than maxUnavailable Nodes being without. */
function replaced({ spec }: DaemonSet, { wanted, revision, there, isAvailable }: Rolling & There): Pod[] {
  const old = there.filter((pod) => !isTerminating(pod) && !isOf(revision, pod));
  const unavailable = wanted.size - there.filter(isAvailable).length;
  const broken = old.filter((pod) => !isAvailable(pod));
  const share = spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1;
  const most = Math.max(1, resolveShare(share, { total: wanted.size, round: "up" }));
  return [...broken, ...old.filter(isAvailable).slice(0, Math.max(0, most - unavailable))];
}

/** The new Pod comes while the old one works; the old one goes when the new one does. */
function surgeOver(surge: number, { revision, there, isAvailable }: Rolling & There): DaemonPlan {
  const create: string[] = [];
  const remove: Pod[] = [];
  const waiting: string[] = [];
  let under = 0;
  for (const [name, pods] of Map.groupBy(there, (pod) => nodeNameOf(pod) ?? "")) {
    const present = pods.find((pod) => isOf(revision, pod));
    const former = pods.find((pod) => !isOf(revision, pod));
    if (!former) continue;
    if (present && isAvailable(present)) remove.push(...(isTerminating(former) ? [] : [former]));
    else if (present) under++;
    else if (isAvailable(former)) waiting.push(name);
    // One that does not work leaves no gap: its successor does not count.
    else create.push(name);
  }
  return { create: [...create, ...waiting.slice(0, Math.max(0, surge - under))], delete: remove };
}

type Status = NonNullable<DaemonSet["status"]>;

export function computeStatus(
  daemonSet: DaemonSet,
  { nodes, pods, revision, nowMs }: Input,
): { status: Status; againInMs: number | undefined } {
  const { minReadySeconds = 0 } = daemonSet.spec;
  const wanted = new Set(nodes.filter((node) => wantsPod(daemonSet, node)).map(({ metadata }) => metadata.name));
  const bound = pods.filter(({ spec }) => spec.nodeName);
  const right = bound.filter(({ spec }) => wanted.has(spec.nodeName ?? ""));
  const nodesOf = (some: readonly Pod[]) => new Set(some.map(({ spec }) => spec.nodeName)).size;
  const living = right.filter((pod) => !isTerminating(pod));
  const waits = living.map((pod) => ({ pod, ms: availableInMs(pod, { minReadySeconds, nowMs }) }));
  const numberAvailable = nodesOf(waits.flatMap(({ pod, ms }) => (ms === 0 ? [pod] : [])));
  const later = waits.flatMap(({ ms }) => (ms !== undefined && ms > 0 ? [ms] : []));
  const collisionCount = daemonSet.status?.collisionCount;
  return {
    status: {
      currentNumberScheduled: nodesOf(right),
      numberMisscheduled: nodesOf(bound.filter((pod) => !right.includes(pod))),
      desiredNumberScheduled: wanted.size,
      numberReady: nodesOf(right.filter(isReady)),
      observedGeneration: daemonSet.metadata.generation ?? 0,
      updatedNumberScheduled: nodesOf(living.filter((pod) => isOf(revision, pod))),
      numberAvailable,
      numberUnavailable: wanted.size - numberAvailable,
      ...(collisionCount ? { collisionCount } : {}),
    },
    againInMs: later.length > 0 ? Math.min(...later) : undefined,
  };
}

export function sameStatus(one: Status | undefined, other: Status): boolean {
  return (Object.keys(other) as (keyof Status)[]).every((name) => (one?.[name] ?? 0) === (other[name] ?? 0));
}
