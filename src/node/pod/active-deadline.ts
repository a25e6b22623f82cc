/** When a Pod has been active for too long (pure). Source: core/v1 PodSpec.activeDeadlineSeconds. */
import type { PodSpec } from "kubernetes-types/core/v1";

/** Undefined: never, or not before it has begun. */
export function activeDeadlineMs(
  { activeDeadlineSeconds }: Pick<PodSpec, "activeDeadlineSeconds">,
  startTime: string | undefined,
): number | undefined {
  if (activeDeadlineSeconds === undefined || !startTime) return undefined;
  return Date.parse(startTime) + activeDeadlineSeconds * 1000;
}

export const deadlineExceeded = {
  reason: "DeadlineExceeded",
  message: "Pod was active on the node longer than the specified deadline",
};
