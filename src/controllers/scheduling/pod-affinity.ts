/** Affinity and anti-affinity between Pods (core/v1 PodAffinity, PodAntiAffinity, PodAffinityTerm). */
import type { PodAffinityTerm, WeightedPodAffinityTerm } from "kubernetes-types/core/v1";
import type { Pod } from "../../api/object.ts";
import { matchesSelector } from "../selector.ts";
import type { NodePods } from "./node-pods.ts";

/** Labels of a Namespace. */
export type NamespaceLabels = (name: string) => Readonly<Record<string, string>>;

/** True if the term of `owner` means the other Pod. */
export function meansPod(
  term: PodAffinityTerm,
  { owner, pod, namespaceLabels }: { owner: Pod; pod: Pod; namespaceLabels: NamespaceLabels },
): boolean {
  const { namespace = "", labels = {} } = pod.metadata;
  const { namespaces = [], namespaceSelector } = term;
  const own = namespaces.length === 0 && !namespaceSelector && namespace === owner.metadata.namespace;
  const named = namespaces.includes(namespace) || matchesSelector(namespaceSelector, namespaceLabels(namespace));
  if (!own && !named) return false;
  const same = (key: string) => labels[key] === owner.metadata.labels?.[key];
  const has = (key: string) => owner.metadata.labels?.[key] !== undefined;
  if (!(term.matchLabelKeys ?? []).filter(has).every(same)) return false;
  if ((term.mismatchLabelKeys ?? []).filter(has).some(same)) return false;
  return matchesSelector(term.labelSelector, labels);
}

const required = (terms: PodAffinityTerm[] | undefined): PodAffinityTerm[] => terms ?? [];
const requiredAffinity = ({ spec }: Pod) =>
  required(spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution);
const requiredAntiAffinity = ({ spec }: Pod) =>
  required(spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution);

/** A domain, e.g. "zone=a": where a Node is by one of its labels. */
function domainOf({ node }: NodePods, topologyKey: string): string | undefined {
  const value = node.metadata.labels?.[topologyKey];
  return value === undefined ? undefined : `${topologyKey}=${value}`;
}

export const affinityReasons = {
  affinity: "node(s) didn't match pod affinity rules",
  anti: "node(s) didn't match pod anti-affinity rules",
  others: "node(s) didn't satisfy existing pods anti-affinity rules",
} as const;

type Scene = { readonly candidates: readonly NodePods[]; readonly namespaceLabels: NamespaceLabels };

/** Reads all Pods once; the result says for each Node why the Pod cannot go there. */
export function requireAffinity(pod: Pod, scene: Scene): (candidate: NodePods) => string | undefined {
  const meets = affinityMet(pod, scene);
  const avoided = avoidedDomains(pod, scene);
  const guarded = guardedDomains(pod, scene);
  return (candidate) => {
    if (!meets(candidate)) return affinityReasons.affinity;
    const within = (domains: readonly { topologyKey: string; domain: string }[]) =>
      domains.some(({ topologyKey, domain }) => domainOf(candidate, topologyKey) === domain);
    if (within(avoided)) return affinityReasons.anti;
    return within(guarded) ? affinityReasons.others : undefined;
  };
}

function affinityMet(pod: Pod, { candidates, namespaceLabels }: Scene): (candidate: NodePods) => boolean {
  const terms = requiredAffinity(pod);
  if (terms.length === 0) return () => true;
  const means = (other: Pod) => terms.every((term) => meansPod(term, { owner: pod, pod: other, namespaceLabels }));
  const domains = new Set<string>();
  for (const candidate of candidates) {
    if (!some(candidate.pods(), means)) continue;
    for (const { topologyKey } of terms) {
      const domain = domainOf(candidate, topologyKey);
      if (domain) domains.add(domain);
    }
  }
  // The first of Pods that want to be together has nobody to join.
  const first = domains.size === 0 && means(pod);
  return (candidate) =>
    terms.every(({ topologyKey }) => {
      const domain = domainOf(candidate, topologyKey);
      return domain !== undefined && (first || domains.has(domain));
    });
}

function some(pods: Iterable<Pod>, holds: (pod: Pod) => boolean): boolean {
  for (const pod of pods) if (holds(pod)) return true;
  return false;
}

interface Domain {
  readonly topologyKey: string;
  readonly domain: string;
}

/** Where Pods are that this one avoids. */
function avoidedDomains(pod: Pod, { candidates, namespaceLabels }: Scene): Domain[] {
  const terms = requiredAntiAffinity(pod);
  return terms.flatMap((term) =>
    candidates.flatMap((candidate) => {
      const domain = domainOf(candidate, term.topologyKey);
      if (!domain) return [];
      const there = some(candidate.pods(), (other) => meansPod(term, { owner: pod, pod: other, namespaceLabels }));
      return there ? [{ topologyKey: term.topologyKey, domain }] : [];
    }),
  );
}

/** Where Pods are that avoid this one. */
function guardedDomains(pod: Pod, { candidates, namespaceLabels }: Scene): Domain[] {
  return candidates.flatMap((candidate) =>
    [...candidate.affine()].flatMap((owner) =>
      requiredAntiAffinity(owner).flatMap((term) => {
        const domain = domainOf(candidate, term.topologyKey);
        if (!domain || !meansPod(term, { owner, pod, namespaceLabels })) return [];
        return [{ topologyKey: term.topologyKey, domain }];
      }),
    ),
  );
}

type Weighted = WeightedPodAffinityTerm[] | undefined;

/** Preferred terms of the Pod towards others, and of others towards it: the higher the better; undefined: nobody prefers anything. */
export function preferAffinity(
  pod: Pod,
  { candidates, namespaceLabels }: Scene,
): ((candidate: NodePods) => number) | undefined {
  const weights = new Map<string, number>();
  const note = (candidate: NodePods, topologyKey: string, weight: number) => {
    const domain = domainOf(candidate, topologyKey);
    if (domain) weights.set(domain, (weights.get(domain) ?? 0) + weight);
  };
  const weigh = (candidate: NodePods, { owner, other }: { owner: Pod; other: Pod }, terms: Weighted, sign: 1 | -1) => {
    for (const { weight, podAffinityTerm: term } of terms ?? []) {
      const target = other === owner ? pod : other;
      if (meansPod(term, { owner, pod: target, namespaceLabels })) note(candidate, term.topologyKey, sign * weight);
    }
  };
  const ofPod = (owner: Pod) => {
    const { podAffinity, podAntiAffinity } = owner.spec.affinity ?? {};
    return {
      to: podAffinity?.preferredDuringSchedulingIgnoredDuringExecution,
      from: podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution,
    };
  };
  const own = ofPod(pod);
  for (const candidate of candidates) {
    if (own.to || own.from) {
      for (const other of candidate.pods()) {
        weigh(candidate, { owner: pod, other }, own.to, 1);
        weigh(candidate, { owner: pod, other }, own.from, -1);
      }
    }
    for (const owner of candidate.affine()) {
      const { to, from } = ofPod(owner);
      weigh(candidate, { owner, other: owner }, to, 1);
      weigh(candidate, { owner, other: owner }, from, -1);
    }
  }
  if (weights.size === 0) return undefined;
  const keys = new Set([...weights.keys()].map((domain) => domain.slice(0, domain.indexOf("="))));
  return (candidate) => [...keys].reduce((sum, key) => sum + (weights.get(domainOf(candidate, key) ?? "") ?? 0), 0);
}
