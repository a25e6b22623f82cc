/** Why a Node cannot take a Pod, in the words of kube-scheduler. */

import { portsConflict } from "../../api/host-ports.ts";
import type { Pod } from "../../api/object.ts";
import { milliValueOf, wholeValueOf } from "../../api/quantity.ts";
import { matchesNode, unschedulableTaint, untoleratedTaint } from "../node-fit.ts";
import type { NodePods } from "./node-pods.ts";
import { affinityReasons, type NamespaceLabels, requireAffinity } from "./pod-affinity.ts";
import { podRequests, type Requests } from "./requests.ts";
import { missingLabelReason, requireSpread } from "./topology-spread.ts";

/** `helpless`: even without any other Pod the Node would not do. */
export interface Refusal {
  readonly reasons: readonly string[];
  readonly helpless: boolean;
}

export interface Scene {
  readonly candidates: readonly NodePods[];
  readonly namespaceLabels: NamespaceLabels;
}

export type Filter = (candidate: NodePods) => Refusal | undefined;

const helplessReasons: ReadonlySet<string> = new Set([missingLabelReason, affinityReasons.affinity]);

/** All that must hold for the Pod; the first filter that refuses a Node says why. */
export function filterFor(pod: Pod, scene: Scene): Filter {
  const requests = podRequests(pod);
  const spread = requireSpread(pod, scene);
  const affinity = requireAffinity(pod, scene);
  return (candidate) => {
    const unfit = nodeRefusal(pod, candidate);
    if (unfit) return { reasons: [unfit], helpless: true };
    if (portsConflict(pod, candidate.pods())) {
      return { reasons: ["node(s) didn't have free ports for the requested pod ports"], helpless: false };
    }
    const lacking = lackingResources(requests, candidate);
    if (lacking) return lacking;
    const apart = spread(candidate) ?? affinity(candidate);
    return apart === undefined ? undefined : { reasons: [apart], helpless: helplessReasons.has(apart) };
  };
}

function nodeRefusal(pod: Pod, { node }: NodePods): string | undefined {
  const taint = untoleratedTaint(pod.spec.tolerations, node);
  if (taint?.key === unschedulableTaint) return "node(s) were unschedulable";
  if (taint) return `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`;
  return matchesNode(pod.spec, node) ? undefined : "node(s) didn't match Pod's node affinity/selector";
}

/** A Node that does not say how much it has of these has enough. */
const assumed = new Set(["cpu", "memory", "ephemeral-storage"]);

function lackingResources(requests: Requests, candidate: NodePods): Refusal | undefined {
  const { allocatable = {} } = candidate.node.status ?? {};
  const reasons: string[] = [];
  let helpless = false;
  const limit = wholeValueOf(allocatable.pods);
  if (limit !== undefined && candidate.count >= limit) reasons.push("Too many pods");
  for (const [resource, wanted] of Object.entries(requests)) {
    const total = milliValueOf(allocatable[resource]) ?? (assumed.has(resource) ? undefined : 0);
    if (wanted === 0 || total === undefined || candidate.requested(resource) + wanted <= total) continue;
    reasons.push(`Insufficient ${resource}`);
    helpless ||= wanted > total;
  }
  return reasons.length > 0 ? { reasons, helpless } : undefined;
}
