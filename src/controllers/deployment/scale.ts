/** One step of a roll-out: how many replicas each ReplicaSet of a Deployment should have now (apps/v1 DeploymentStrategy). */
import type { Deployment, ReplicaSet } from "../../api/object.ts";
import { resolveShare } from "../share.ts";

export interface RollingUpdate {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

/** Surge is rounded up, unavailability down; if both come to 0, one replica may be missing, or nothing could move. */
export function resolveRollingUpdate({ replicas = 1, strategy }: Deployment["spec"]): RollingUpdate {
  if (strategy?.type === "Recreate") return { maxSurge: 0, maxUnavailable: replicas };
  const { maxSurge: surge = "25%", maxUnavailable: unavailable = "25%" } = strategy?.rollingUpdate ?? {};
  const maxSurge = resolveShare(surge, { total: replicas, round: "up" });
  const maxUnavailable = Math.min(replicas, resolveShare(unavailable, { total: replicas, round: "down" }));
  return maxSurge === 0 && maxUnavailable === 0 ? { maxSurge, maxUnavailable: 1 } : { maxSurge, maxUnavailable };
}

/** `replicas` is what the ReplicaSet should be set to. */
export interface Scaling {
  readonly replicaSet: ReplicaSet;
  readonly replicas: number;
}

export const specReplicas = ({ spec }: ReplicaSet): number => spec.replicas ?? 1;
export const sum = (replicaSets: readonly ReplicaSet[], of: (replicaSet: ReplicaSet) => number): number =>
  replicaSets.reduce((total, replicaSet) => total + of(replicaSet), 0);
export const available = ({ status }: ReplicaSet): number => status?.availableReplicas ?? 0;

/** Replicas of a new ReplicaSet beside the `old` ones: all that the surge leaves room for. */
export function replicasOfNew(
  deployment: Deployment,
  { current, old }: { current: number; old: readonly ReplicaSet[] },
): number {
  const { replicas = 1, strategy } = deployment.spec;
  if (strategy?.type === "Recreate") return replicas;
  const { maxSurge } = resolveRollingUpdate(deployment.spec);
  const room = replicas + maxSurge - current - sum(old, specReplicas);
  return Math.max(current, current + Math.min(room, replicas - current));
}

/** The next step: first the new one up, then the old ones down; [] when there is nothing to do until Pods change. */
export function rollOut(
  deployment: Deployment,
  { current, old, oldPodsRemain }: { current: ReplicaSet; old: readonly ReplicaSet[]; oldPodsRemain: boolean },
): Scaling[] {
  const { replicas = 1, strategy } = deployment.spec;
  const active = old.filter((replicaSet) => specReplicas(replicaSet) > 0);
  const present = specReplicas(current);
  if (strategy?.type === "Recreate") {
    if (active.length > 0) return active.map((replicaSet) => ({ replicaSet, replicas: 0 }));
    return oldPodsRemain || present === replicas ? [] : [{ replicaSet: current, replicas }];
  }
  const wanted = present > replicas ? replicas : replicasOfNew(deployment, { current: present, old });
  if (wanted !== present) return [{ replicaSet: current, replicas: wanted }];
  return scaleDownOld(deployment, { current, active });
}

function scaleDownOld(
  deployment: Deployment,
  { current, active }: { current: ReplicaSet; active: readonly ReplicaSet[] },
): Scaling[] {
  const { replicas = 1 } = deployment.spec;
  const { maxUnavailable } = resolveRollingUpdate(deployment.spec);
  const minAvailable = replicas - maxUnavailable;
  const newUnavailable = specReplicas(current) - available(current);
  const total = specReplicas(current) + sum(active, specReplicas);
  let mayGo = total - minAvailable - newUnavailable;
  const target = new Map(active.map((replicaSet) => [replicaSet, specReplicas(replicaSet)]));
  const lower = (replicaSet: ReplicaSet, by: number) => {
    target.set(replicaSet, (target.get(replicaSet) ?? 0) - by);
    mayGo -= by;
  };
  // Old Pods that do not work anyway go first: they cannot cost availability.
  for (const replicaSet of active) {
    const broken = Math.max(0, specReplicas(replicaSet) - available(replicaSet));
    lower(replicaSet, Math.max(0, Math.min(mayGo, broken)));
  }
  let spare = Math.min(mayGo, available(current) + sum(active, available) - minAvailable);
  for (const replicaSet of active) {
    const by = Math.max(0, Math.min(spare, target.get(replicaSet) ?? 0));
    spare -= by;
    lower(replicaSet, by);
  }
  return [...target].flatMap(([replicaSet, count]) =>
    count === specReplicas(replicaSet) ? [] : [{ replicaSet, replicas: count }],
  );
}

/** The Deployment's own size changed during a roll-out or a pause: every active ReplicaSet gets its share of the change. */
export function scaleInProportion(
  deployment: Deployment,
  { current, old }: { current: ReplicaSet | undefined; old: readonly ReplicaSet[] },
): Scaling[] {
  const { replicas = 1 } = deployment.spec;
  const all = current ? [...old, current] : [...old];
  const active = all.filter((replicaSet) => specReplicas(replicaSet) > 0);
  const [only = current] = active;
  if (active.length <= 1) return only && specReplicas(only) !== replicas ? [{ replicaSet: only, replicas }] : [];
  const before = sum(active, specReplicas);
  const { maxSurge } = resolveRollingUpdate(deployment.spec);
  const goal = replicas === 0 ? 0 : replicas + (deployment.spec.strategy?.type === "Recreate" ? 0 : maxSurge);
  const targets = active.map((replicaSet) => ({
    replicaSet,
    replicas: Math.floor((specReplicas(replicaSet) * goal) / before),
  }));
  const largest = targets.reduce((one, other) => (other.replicas > one.replicas ? other : one));
  largest.replicas += goal - targets.reduce((total, { replicas: count }) => total + count, 0);
  return targets.filter(({ replicaSet, replicas: count }) => specReplicas(replicaSet) !== count);
}
