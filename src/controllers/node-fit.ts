/** Whether a Node takes a Pod: selector, required affinity, taints (core/v1 PodSpec, Taint, Toleration). */
import type { NodeSelectorRequirement, NodeSelectorTerm, Taint, Toleration } from "kubernetes-types/core/v1";
import type { Node, Pod } from "../api/object.ts";
import { matchesLabels, meetsExpression } from "./selector.ts";

export const notReadyTaint = "node.kubernetes.io/not-ready";
export const unreachableTaint = "node.kubernetes.io/unreachable";
export const unschedulableTaint = "node.kubernetes.io/unschedulable";

export const readyStatus = ({ status }: Node): string =>
  status?.conditions?.find(({ type }) => type === "Ready")?.status ?? "Unknown";

/** Whether one of the tolerations is for the taint. */
export function tolerates(tolerations: readonly Toleration[] = [], taint: Taint): boolean {
  return tolerations.some(({ key = "", operator = "Equal", value = "", effect = "" }) => {
    if (effect && effect !== taint.effect) return false;
    if (key && key !== taint.key) return false;
    return operator === "Exists" || (key !== "" && value === (taint.value ?? ""));
  });
}

/** The Node's taints, and those that its state stands for even before a controller has written them. */
function effectiveTaints(node: Node): Taint[] {
  const taints = [...(node.spec?.taints ?? [])];
  const add = (key: string) => {
    if (!taints.some((taint) => taint.key === key && taint.effect === "NoSchedule"))
      taints.push({ key, effect: "NoSchedule" });
  };
  if (node.spec?.unschedulable) add(unschedulableTaint);
  const ready = readyStatus(node);
  if (ready !== "True") add(ready === "Unknown" ? unreachableTaint : notReadyTaint);
  return taints;
}

/** The first taint that keeps the Pod away. */
export function untoleratedTaint(tolerations: readonly Toleration[] | undefined, node: Node): Taint | undefined {
  return effectiveTaints(node).find((taint) => taint.effect !== "PreferNoSchedule" && !tolerates(tolerations, taint));
}

/** Taints that ask the Pod to go elsewhere if it can. */
export function preferringTaints(tolerations: readonly Toleration[] | undefined, { spec }: Node): number {
  return (spec?.taints ?? []).filter((taint) => taint.effect === "PreferNoSchedule" && !tolerates(tolerations, taint))
    .length;
}

/** A node selector compares numbers too, as a label selector does not. */
function meets(requirement: NodeSelectorRequirement, source: Readonly<Record<string, string>>): boolean {
  const { key, operator, values = [] } = requirement;
  const value = source[key];
  if (operator === "Gt") return value !== undefined && Number(value) > Number(values[0]);
  if (operator === "Lt") return value !== undefined && Number(value) < Number(values[0]);
  return meetsExpression(requirement, source);
}

/** All requirements of one term of a node selector. */
export function meetsTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, { metadata }: Node): boolean {
  // A term without requirements matches nothing.
  if (matchExpressions.length + matchFields.length === 0) return false;
  const fields = { "metadata.name": metadata.name };
  return (
    matchExpressions.every((requirement) => meets(requirement, metadata.labels ?? {})) &&
    matchFields.every((requirement) => meets(requirement, fields))
  );
}

/** nodeSelector and requiredDuringSchedulingIgnoredDuringExecution. */
export function matchesNode({ nodeSelector = {}, affinity }: Partial<Pod["spec"]>, node: Node): boolean {
  if (!matchesLabels(nodeSelector, node.metadata.labels)) return false;
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || required.nodeSelectorTerms.some((term) => meetsTerm(term, node));
}
