/** The annotations by which `kubectl rollout` knows revisions. */
import type { Deployment, ReplicaSet } from "../../api/object.ts";
import { resolveRollingUpdate } from "./scale.ts";

export const revisionAnnotation = "deployment.kubernetes.io/revision";
const historyAnnotation = "deployment.kubernetes.io/revision-history";
export const desiredAnnotation = "deployment.kubernetes.io/desired-replicas";
const maxAnnotation = "deployment.kubernetes.io/max-replicas";

/** Annotations of a Deployment that are not handed to its ReplicaSets. */
const own = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
  "deprecated.deployment.rollback.to",
]);

export const revisionOf = ({ metadata }: ReplicaSet | Deployment): number =>
  Number(metadata.annotations?.[revisionAnnotation] ?? 0) || 0;

/** How many replicas the Deployment had when its ReplicaSets were last scaled, so that a change of it is noticed. */
export function sizeAnnotations({ spec }: Deployment): Record<string, string> {
  const replicas = spec.replicas ?? 1;
  const { maxSurge } = resolveRollingUpdate(spec);
  return { [desiredAnnotation]: String(replicas), [maxAnnotation]: String(replicas + maxSurge) };
}

/** Annotations of the present template's ReplicaSet. */
export function currentAnnotations(
  deployment: Deployment,
  { current, revision }: { current: ReplicaSet | undefined; revision: string },
): Record<string, string> {
  const present = current?.metadata.annotations ?? {};
  const handed = Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => !own.has(key));
  const before = present[revisionAnnotation];
  const history = [present[historyAnnotation], before].filter(Boolean).join(",");
  return {
    ...present,
    ...Object.fromEntries(handed),
    ...(before && before !== revision ? { [historyAnnotation]: history } : {}),
    [revisionAnnotation]: revision,
    ...sizeAnnotations(deployment),
  };
}
