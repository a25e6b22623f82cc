/** What a Pod's state means to controllers. */
import type { PodCondition } from "kubernetes-types/core/v1";
import type { Pod } from "../api/object.ts";

export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export const isReady = (pod: Pod): boolean => podCondition(pod, "Ready")?.status === "True";

/** Will never run again. */
export const isFinished = ({ status }: Pod): boolean => status?.phase === "Succeeded" || status?.phase === "Failed";

export const isTerminating = ({ metadata }: Pod): boolean => metadata.deletionTimestamp !== undefined;

/** Counts for a ReplicaSet. */
export const isActive = (pod: Pod): boolean => !isFinished(pod) && !isTerminating(pod);

/** Milliseconds until the ready Pod counts as available (0: it does); undefined: it is not ready. */
export function availableInMs(
  pod: Pod,
  { minReadySeconds, nowMs }: { minReadySeconds: number; nowMs: number },
): number | undefined {
  if (!isReady(pod)) return undefined;
  const since = Date.parse(podCondition(pod, "Ready")?.lastTransitionTime ?? "");
  if (minReadySeconds === 0 || Number.isNaN(since)) return 0;
  return Math.max(0, since + minReadySeconds * 1000 - nowMs);
}

/** The Pod's addresses, the primary one first. */
export function podIps({ status }: Pod): string[] {
  const ips = (status?.podIPs ?? []).flatMap(({ ip }) => (ip ? [ip] : []));
  return ips.length > 0 ? ips : status?.podIP ? [status.podIP] : [];
}
