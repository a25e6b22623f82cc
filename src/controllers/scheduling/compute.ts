/** Which Node a Pod goes to, or the reasons why none takes it, in the words of kube-scheduler. */
import type { Node, Pod } from "../../api/object.ts";
import { matchesNode, unschedulableTaint, untoleratedTaint } from "../node-fit.ts";
import { controllerOf } from "../owner.ts";
import { isFinished } from "../pod.ts";
import { parseQuantity } from "./quantity.ts";

export type Decision = { readonly ok: true; readonly node: string } | { readonly ok: false; readonly reason: string };

/** Nodes with the Pods that are on them or on their way. */
export interface Candidate {
  readonly node: Node;
  readonly pods: readonly Pod[];
}

export function schedule(pod: Pod, candidates: readonly Candidate[]): Decision {
  if (candidates.length === 0) return { ok: false, reason: "no nodes available to schedule pods" };
  const counts = new Map<string, number>();
  let best: { candidate: Candidate; score: [number, number] } | undefined;
  for (const candidate of candidates) {
    const reason = refusal(pod, candidate);
    if (reason) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    else best = better(best, { candidate, score: scoreOf(pod, candidate) });
  }
  if (best) return { ok: true, node: best.candidate.node.metadata.name };
  const reasons = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return { ok: false, reason: `0/${candidates.length} nodes are available: ${reasons.join(", ")}.` };
}

type Scored = { readonly candidate: Candidate; readonly score: readonly [number, number] };

/** The lower score; the name decides between equals. */
function better<T extends Scored>(one: T | undefined, other: T): T {
  if (!one) return other;
  const nameOf = ({ candidate }: T) => candidate.node.metadata.name;
  const difference = one.score[0] - other.score[0] || one.score[1] - other.score[1];
  if (difference !== 0) return difference < 0 ? one : other;
  return nameOf(one) < nameOf(other) ? one : other;
}

/** Pods of the same owner spread first, then all Pods. */
function scoreOf(pod: Pod, { pods }: Candidate): [number, number] {
  const owner = controllerOf(pod)?.uid;
  const siblings = owner ? pods.filter((other) => controllerOf(other)?.uid === owner).length : 0;
  return [siblings, pods.length];
}

function refusal(pod: Pod, { node, pods }: Candidate): string | undefined {
  const taint = untoleratedTaint(pod.spec.tolerations, node);
  if (taint?.key === unschedulableTaint) return "node(s) were unschedulable";
  if (taint) return `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`;
  if (!matchesNode(pod.spec, node)) return "node(s) didn't match Pod's node affinity/selector";
  const living = pods.filter((other) => !isFinished(other));
  if (portsConflict(pod, living)) return "node(s) didn't have free ports for the requested pod ports";
  return lackingResource(pod, { node, pods: living });
}

interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

function hostPorts({ spec }: Pod): HostPort[] {
  return spec.containers
    .flatMap(({ ports = [] }) => ports)
    .flatMap(({ hostPort, containerPort, hostIP = "0.0.0.0", protocol = "TCP" }) => {
      const port = hostPort ?? (spec.hostNetwork ? containerPort : 0);
      return port ? [{ ip: hostIP || "0.0.0.0", protocol, port }] : [];
    });
}

function portsConflict(pod: Pod, others: readonly Pod[]): boolean {
  const wanted = hostPorts(pod);
  if (wanted.length === 0) return false;
  const taken = others.flatMap(hostPorts);
  const overlap = (one: string, other: string) => one === other || one === "0.0.0.0" || other === "0.0.0.0";
  return wanted.some(({ ip, protocol, port }) =>
    taken.some((other) => other.port === port && other.protocol === protocol && overlap(ip, other.ip)),
  );
}

/** Sum over containers, or the largest init container if that is more. */
function requestOf({ spec }: Pod, resource: string): number {
  const of = (container: { resources?: { requests?: Record<string, string> } }) =>
    parseQuantity(container.resources?.requests?.[resource]) ?? 0;
  const running = spec.containers.reduce((sum, container) => sum + of(container), 0);
  return Math.max(running, ...(spec.initContainers ?? []).map(of));
}

function lackingResource(pod: Pod, { node, pods }: Candidate): string | undefined {
  const allocatable = node.status?.allocatable ?? {};
  const limit = parseQuantity(allocatable.pods);
  if (limit !== undefined && pods.length >= limit) return "Too many pods";
  for (const resource of ["cpu", "memory"]) {
    const wanted = requestOf(pod, resource);
    const total = parseQuantity(allocatable[resource]);
    if (wanted === 0 || total === undefined) continue;
    const used = pods.reduce((sum, other) => sum + requestOf(other, resource), 0);
    if (used + wanted > total) return `Insufficient ${resource}`;
  }
  return undefined;
}
