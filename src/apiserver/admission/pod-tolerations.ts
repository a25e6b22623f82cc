/** Pods stay for five minutes on a node that is gone, unless they say otherwise. Source: admission plugin DefaultTolerationSeconds. */
import type { Toleration } from "kubernetes-types/core/v1";
import type { Pod } from "../../api/object.ts";

/** kube-apiserver's --default-not-ready-toleration-seconds and --default-unreachable-toleration-seconds. */
export interface TolerationSeconds {
  readonly notReady?: number;
  readonly unreachable?: number;
}

const defaultSeconds = 300;
const taints = {
  notReady: "node.kubernetes.io/not-ready",
  unreachable: "node.kubernetes.io/unreachable",
} as const;

const tolerates =
  (taint: string) =>
  ({ key, effect }: Toleration): boolean =>
    (!key || key === taint) && (!effect || effect === "NoExecute");

/** In place. */
export function setDefaultTolerations({ spec }: Pod, seconds: TolerationSeconds): void {
  const { tolerations = [] } = spec;
  const names = ["notReady", "unreachable"] as const;
  const missing = names.filter((name) => !tolerations.some(tolerates(taints[name])));
  if (missing.length === 0) return;
  const added = missing.map((name) => ({
    ...{ key: taints[name], operator: "Exists", effect: "NoExecute" },
    tolerationSeconds: seconds[name] ?? defaultSeconds,
  }));
  spec.tolerations = [...tolerations, ...added];
}
