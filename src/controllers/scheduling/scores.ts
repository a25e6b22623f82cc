/** Which of the Nodes that would do is the best. Our own choice, with the weights of kube-scheduler's plugins. */
import type { Pod } from "../../api/object.ts";
import { milliValueOf } from "../../api/quantity.ts";
import { meetsTerm, preferringTaints } from "../node-fit.ts";
import { controllerOf } from "../owner.ts";
import type { Scene } from "./filters.ts";
import type { NodePods } from "./node-pods.ts";
import { preferAffinity } from "./pod-affinity.ts";
import { preferSpread } from "./topology-spread.ts";

interface Score {
  readonly weight: number;
  /** The higher the better. */
  readonly of: (candidate: NodePods) => number;
}

const zoneLabel = "topology.kubernetes.io/zone";

function scoresFor(pod: Pod, scene: Scene): Score[] {
  const affinity = preferAffinity(pod, scene);
  const spread = preferSpread(pod, scene);
  const { preferredDuringSchedulingIgnoredDuringExecution: nodes = [] } = pod.spec.affinity?.nodeAffinity ?? {};
  const preferred = ({ node }: NodePods) =>
    nodes.reduce((sum, { weight, preference }) => sum + (meetsTerm(preference, node) ? weight : 0), 0);
  return [
    { weight: 3, of: ({ node }) => -preferringTaints(pod.spec.tolerations, node) },
    ...(nodes.length > 0 ? [{ weight: 2, of: preferred }] : []),
    ...(affinity ? [{ weight: 2, of: affinity }] : []),
    ...(spread ? [{ weight: 2, of: spread }] : []),
    ...siblingScores(pod, scene),
    { weight: 1, of: freeShare },
  ];
}

/** Pods of one controller go to different Nodes, and to different zones. */
function siblingScores(pod: Pod, { candidates }: Scene): Score[] {
  const owner = controllerOf(pod)?.uid;
  if (!owner) return [];
  const zoneOf = ({ node }: NodePods) => node.metadata.labels?.[zoneLabel] ?? "";
  const zones = new Map<string, number>();
  for (const candidate of candidates) {
    const zone = zoneOf(candidate);
    zones.set(zone, (zones.get(zone) ?? 0) + candidate.siblings(owner));
  }
  return [
    { weight: 3, of: (candidate) => -candidate.siblings(owner) },
    { weight: 1, of: (candidate) => -(zones.get(zoneOf(candidate)) ?? 0) },
  ];
}

/** Mean share of processor and memory that nobody has asked for. */
function freeShare(candidate: NodePods): number {
  const shares = ["cpu", "memory"].map((resource) => {
    const total = milliValueOf(candidate.node.status?.allocatable?.[resource]);
    return total ? Math.max(0, 1 - candidate.requested(resource) / total) : 1;
  });
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}

/** The best of `fitting`; among equals the one with fewer Pods, then the first by name. */
export function best(pod: Pod, fitting: readonly NodePods[], scene: Scene): NodePods | undefined {
  if (fitting.length <= 1) return fitting[0];
  const totals = new Map(fitting.map((candidate) => [candidate, 0]));
  for (const { weight, of } of scoresFor(pod, scene)) {
    const values = fitting.map(of);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    if (least === most) continue;
    fitting.forEach((candidate, index) => {
      const share = ((values[index] ?? least) - least) / (most - least);
      totals.set(candidate, (totals.get(candidate) ?? 0) + weight * share);
    });
  }
  const rank = (one: NodePods, other: NodePods) =>
    (totals.get(other) ?? 0) - (totals.get(one) ?? 0) || one.count - other.count || (one.name < other.name ? -1 : 1);
  return [...fitting].sort(rank)[0];
}
