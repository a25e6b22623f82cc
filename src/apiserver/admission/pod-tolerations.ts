/** Pods stay for five minutes on a node that is gone, unless they say otherwise. Source: admission plugin DefaultTolerationSeconds. */
import type { Toleration } from "kubernetes-types/core/v1";
import type { Pod } from "../../api/object.ts";

const seconds = 300;
const taints = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

const tolerates =
  (taint: string) =>
  ({ key, effect }: Toleration): boolean =>
    (!key || key === taint) && (!effect || effect === "NoExecute");

/** In place. */
export function setDefaultTolerations({ spec }: Pod): void {
  const { tolerations = [] } = spec;
  const missing = taints.filter((taint) => !tolerations.some(tolerates(taint)));
  if (missing.length === 0) return;
  const added = missing.map((key) => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: seconds }));
  spec.tolerations = [...tolerations, ...added];
}
