/** Which Nodes lack their Pod, which Pods must go, and the status of a DaemonSet (apps/v1 DaemonSet). */
import type { PodSpec, Toleration } from "kubernetes-types/core/v1";
import type { DaemonSet, Node, Pod } from "../../api/object.ts";
import { matchesNode, untoleratedTaint } from "../node-fit.ts";
import { availableInMs, isFinished, isReady, isTerminating } from "../pod.ts";

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
  const { nodes, pods } = input;
  const wanted = new Set(nodes.filter((node) => wantsPod(daemonSet, node)).map(({ metadata }) => metadata.name));
  const byNode = Map.groupBy(pods, (pod) => nodeNameOf(pod) ?? "");
  const remove: Pod[] = [];
  for (const [name, there] of byNode) {
    const living = there.filter((pod) => !isTerminating(pod));
    const running = living.filter((pod) => !isFinished(pod)).sort(olderFirst);
    // The oldest stays where there are several; finished ones are replaced.
    remove.push(...living.filter(isFinished), ...(wanted.has(name) ? running.slice(1) : running));
  }
  // A Node whose old Pod is still stopping gets the new one afterwards: they might share a host port.
  const create = [...wanted].filter((name) => !(byNode.get(name) ?? []).length);
  return { create, delete: [...remove, ...outdated(daemonSet, { ...input, wanted, remove })] };
}

const olderFirst = (one: Pod, other: Pod): number =>
  (one.metadata.creationTimestamp ?? "") < (other.metadata.creationTimestamp ?? "") ? -1 : 1;

/** Pods of a former template that may go now without more than maxUnavailable Nodes being without. */
function outdated(
  { spec }: DaemonSet,
  { pods, wanted, remove, revision, nowMs }: Input & { wanted: ReadonlySet<string>; remove: readonly Pod[] },
): Pod[] {
  if (spec.updateStrategy?.type === "OnDelete") return [];
  const { minReadySeconds = 0 } = spec;
  const isAvailable = (pod: Pod) => !isTerminating(pod) && availableInMs(pod, { minReadySeconds, nowMs }) === 0;
  const kept = pods.filter((pod) => !remove.includes(pod) && wanted.has(nodeNameOf(pod) ?? ""));
  const old = kept.filter((pod) => !isTerminating(pod) && pod.metadata.labels?.[revisionLabel] !== revision);
  const unavailable = wanted.size - kept.filter(isAvailable).length;
  const broken = old.filter((pod) => !isAvailable(pod));
  const room = Math.max(
    0,
    maxUnavailable(spec.updateStrategy?.rollingUpdate?.maxUnavailable, wanted.size) - unavailable,
  );
  return [...broken, ...old.filter(isAvailable).slice(0, room)];
}

function maxUnavailable(value: unknown, total: number): number {
  const percent = /^(\d+)%$/.exec(String(value))?.[1];
  if (percent !== undefined) return Math.max(1, Math.ceil((Number(percent) * total) / 100));
  return typeof value === "number" ? Math.max(1, value) : 1;
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
  const waits = right.filter((pod) => !isTerminating(pod)).map((pod) => availableInMs(pod, { minReadySeconds, nowMs }));
  const numberAvailable = waits.filter((ms) => ms === 0).length;
  const later = waits.filter((ms) => ms !== undefined && ms > 0) as number[];
  return {
    status: {
      currentNumberScheduled: right.length,
      numberMisscheduled: bound.length - right.length,
      desiredNumberScheduled: wanted.size,
      numberReady: right.filter(isReady).length,
      observedGeneration: daemonSet.metadata.generation ?? 0,
      updatedNumberScheduled: right.filter(({ metadata }) => metadata.labels?.[revisionLabel] === revision).length,
      numberAvailable,
      numberUnavailable: wanted.size - numberAvailable,
    },
    againInMs: later.length > 0 ? Math.min(...later) : undefined,
  };
}

export function sameStatus(one: Status | undefined, other: Status): boolean {
  return (Object.keys(other) as (keyof Status)[]).every((name) => (one?.[name] ?? 0) === (other[name] ?? 0));
}
