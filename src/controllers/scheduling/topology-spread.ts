/** Even spreading over zones, Nodes or other domains (core/v1 TopologySpreadConstraint). */
import type { TopologySpreadConstraint } from "kubernetes-types/core/v1";
import type { Pod } from "../../api/object.ts";
import { matchesNode, untoleratedTaint } from "../node-fit.ts";
import { isTerminating } from "../pod.ts";
import { matchesSelector } from "../selector.ts";
import type { NodePods } from "./node-pods.ts";

export const spreadReason = "node(s) didn't match pod topology spread constraints";
export const missingLabelReason = `${spreadReason} (missing required label)`;

type Candidates = { readonly candidates: readonly NodePods[] };

const domainOf = ({ node }: NodePods, { topologyKey }: TopologySpreadConstraint): string | undefined =>
  node.metadata.labels?.[topologyKey];

function counts(constraint: TopologySpreadConstraint, { owner, pod }: { owner: Pod; pod: Pod }): boolean {
  const labels = pod.metadata.labels ?? {};
  if (pod.metadata.namespace !== owner.metadata.namespace || isTerminating(pod)) return false;
  const own = owner.metadata.labels ?? {};
  const keys = (constraint.matchLabelKeys ?? []).filter((key) => own[key] !== undefined);
  return keys.every((key) => labels[key] === own[key]) && matchesSelector(constraint.labelSelector, labels);
}

/** Nodes that count as domains at all. */
function isEligible(
  pod: Pod,
  constraint: TopologySpreadConstraint,
  { candidate, all }: { candidate: NodePods; all: readonly TopologySpreadConstraint[] },
): boolean {
  const { nodeAffinityPolicy = "Honor", nodeTaintsPolicy = "Ignore" } = constraint;
  if (all.some((one) => domainOf(candidate, one) === undefined)) return false;
  if (nodeAffinityPolicy === "Honor" && !matchesNode(pod.spec, candidate.node)) return false;
  return nodeTaintsPolicy !== "Honor" || untoleratedTaint(pod.spec.tolerations, candidate.node) === undefined;
}

/** Pods in each domain. */
function countDomains(
  pod: Pod,
  constraint: TopologySpreadConstraint,
  { candidates, all }: Candidates & { all: readonly TopologySpreadConstraint[] },
): Map<string, number> {
  const found = new Map<string, number>();
  for (const candidate of candidates) {
    const domain = domainOf(candidate, constraint);
    if (domain === undefined || !isEligible(pod, constraint, { candidate, all })) continue;
    let count = found.get(domain) ?? 0;
    for (const other of candidate.pods()) if (counts(constraint, { owner: pod, pod: other })) count++;
    found.set(domain, count);
  }
  return found;
}

function constraintsOf({ spec }: Pod, whenUnsatisfiable: string): TopologySpreadConstraint[] {
  return (spec.topologySpreadConstraints ?? []).filter((one) => one.whenUnsatisfiable === whenUnsatisfiable);
}

/** The constraints that must hold: says for each Node why it would not do. */
export function requireSpread(pod: Pod, { candidates }: Candidates): (candidate: NodePods) => string | undefined {
  const all = constraintsOf(pod, "DoNotSchedule");
  const rules = all.map((constraint) => {
    const domains = countDomains(pod, constraint, { candidates, all });
    const few = domains.size < (constraint.minDomains ?? 1);
    const fewest = few || domains.size === 0 ? 0 : Math.min(...domains.values());
    return { constraint, domains, fewest, itself: counts(constraint, { owner: pod, pod }) ? 1 : 0 };
  });
  return (candidate) => {
    for (const { constraint, domains, fewest, itself } of rules) {
      const domain = domainOf(candidate, constraint);
      if (domain === undefined) return missingLabelReason;
      if ((domains.get(domain) ?? 0) + itself - fewest > constraint.maxSkew) return spreadReason;
    }
    return undefined;
  };
}

/** The constraints that should hold: the higher the better; undefined: there are none. */
export function preferSpread(pod: Pod, { candidates }: Candidates): ((candidate: NodePods) => number) | undefined {
  const all = constraintsOf(pod, "ScheduleAnyway");
  if (all.length === 0) return undefined;
  const rules = all.map((constraint) => ({ constraint, domains: countDomains(pod, constraint, { candidates, all }) }));
  return (candidate) =>
    -rules.reduce((sum, { constraint, domains }) => {
      const domain = domainOf(candidate, constraint);
      // A Node outside of all domains is the last choice.
      const most = Math.max(0, ...domains.values()) + 1;
      return sum + (domain === undefined ? most : (domains.get(domain) ?? 0)) / constraint.maxSkew;
    }, 0);
}
