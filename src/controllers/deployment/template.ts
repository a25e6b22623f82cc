/** Which ReplicaSet belongs to a Pod template: equality and the `pod-template-hash` label. */
import { createHash } from "node:crypto";
import type { PodTemplateSpec } from "kubernetes-types/core/v1";
import type { Deployment, ReplicaSet } from "../../api/object.ts";
import { canonical } from "../context.ts";
import { controllerReference } from "../owner.ts";
import { revisionOf } from "./revision.ts";

const hashLabel = "pod-template-hash";

/** Ten characters that make no words and cannot be mistaken for one another. */
const alphabet = "bcdfghjklmnpqrstvwxz2456789";

/** A name's part that stands for the template; `collisionCount` gives another one when two templates share it. */
export function templateHash(template: PodTemplateSpec, collisionCount = 0): string {
  const digest = createHash("sha256")
    .update(`${canonical(template)} ${collisionCount}`)
    .digest();
  return Array.from(digest.subarray(0, 10), (byte) => alphabet[byte % alphabet.length]).join("");
}

function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  const { [hashLabel]: _, ...labels } = template.metadata?.labels ?? {};
  const { creationTimestamp: __, ...metadata } = template.metadata ?? {};
  return { ...template, metadata: { ...metadata, labels } };
}

export function sameTemplate(one: PodTemplateSpec, other: PodTemplateSpec): boolean {
  return canonical(withoutHash(one)) === canonical(withoutHash(other));
}

const byAge = (one: ReplicaSet, other: ReplicaSet): number => {
  const [first = "", second = ""] = [one.metadata.creationTimestamp, other.metadata.creationTimestamp];
  return first < second ? -1 : first > second ? 1 : one.metadata.name < other.metadata.name ? -1 : 1;
};

/** The ReplicaSet of the present template (the oldest if there are several), and the others, oldest first. */
export function sortReplicaSets(
  deployment: Deployment,
  replicaSets: readonly ReplicaSet[],
): { current: ReplicaSet | undefined; old: ReplicaSet[] } {
  const sorted = [...replicaSets].sort(byAge);
  const current = sorted.find(({ spec }) => spec.template && sameTemplate(spec.template, deployment.spec.template));
  return { current, old: sorted.filter((replicaSet) => replicaSet !== current) };
}

/** The ReplicaSet to be created for the present template. */
export function buildReplicaSet(
  deployment: Deployment,
  { replicas, annotations }: { replicas: number; annotations: Record<string, string> },
): ReplicaSet {
  const { name, namespace = "" } = deployment.metadata;
  const { template, selector, minReadySeconds } = deployment.spec;
  const hash = templateHash(template, deployment.status?.collisionCount ?? 0);
  const labels = { ...template.metadata?.labels, [hashLabel]: hash };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels,
      annotations,
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas,
      ...(minReadySeconds ? { minReadySeconds } : {}),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [hashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

/** Revision of the present template: one above all others, unless it is the highest already. */
export function nextRevision(old: readonly ReplicaSet[], current: ReplicaSet | undefined): string {
  const highest = Math.max(0, ...old.map(revisionOf));
  const present = current ? revisionOf(current) : 0;
  return String(present > highest ? present : highest + 1);
}
