import type { Container, PodSpec } from "kubernetes-types/core/v1";
import { compareQuantities, parseQuantity } from "../quantity.ts";

type Amounts = Readonly<Record<string, string>>;

/** Only these two resources decide the class, and an amount of zero counts as none. */
function given(amounts: Amounts | undefined): Map<string, string> {
  const pairs = ["cpu", "memory"].flatMap((name): [string, string][] => {
    const text = amounts?.[name];
    return text !== undefined && (parseQuantity(text)?.nano ?? 0n) > 0n ? [[name, text]] : [];
  });
  return new Map(pairs);
}

function isGuaranteed({ resources }: Container): boolean {
  const limits = given(resources?.limits);
  const requests = given(resources?.requests);
  if (limits.size < 2) return false;
  return [...limits].every(([name, limit]) => compareQuantities(requests.get(name) ?? limit, limit) === 0);
}

function isBestEffort({ resources }: Container): boolean {
  return given(resources?.limits).size === 0 && given(resources?.requests).size === 0;
}

/** The quality-of-service class. Source: Kubernetes "Pod Quality of Service Classes". */
export function qosClassOf(spec: PodSpec): "Guaranteed" | "Burstable" | "BestEffort" {
  const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  if (containers.every(isBestEffort)) return "BestEffort";
  return containers.every(isGuaranteed) ? "Guaranteed" : "Burstable";
}
