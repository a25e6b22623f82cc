/** The subresource `resize` of Pods: CPU and memory of containers that run. Source: Kubernetes "Resize CPU and Memory Resources assigned to Containers". */
import { isDeepStrictEqual } from "node:util";
import type { Container, ResourceRequirements } from "kubernetes-types/core/v1";
import { forbidden, invalid } from "../field-error.ts";
import type { FieldError } from "../kind.ts";
import type { Pod } from "../object.ts";
import { qosClassOf } from "./pod-qos.ts";

const resizable: ReadonlySet<string> = new Set(["cpu", "memory"]);
const fields = ["containers", "initContainers"] as const;
const lists = ["requests", "limits"] as const;

/** Takes over the containers; what else of them has changed is a fault of validatePodResize(). */
export function takeResources(pod: Pod, next: Pod): void {
  for (const field of fields) {
    if (next.spec[field]) pod.spec[field] = next.spec[field];
  }
}

/** The container without what may change, beside what it had. */
function fixedPart(container: Container): unknown {
  const { resources = {}, ...rest } = container;
  const fixed = (list: ResourceRequirements["limits"] = {}): unknown =>
    Object.entries(list).filter(([name]) => !resizable.has(name));
  return { ...rest, claims: resources.claims, requests: fixed(resources.requests), limits: fixed(resources.limits) };
}

function validateRemoval(path: string, now: Container, old: Container): FieldError[] {
  return lists.flatMap((list) => {
    const left = now.resources?.[list] ?? {};
    const lost = Object.keys(old.resources?.[list] ?? {}).some((name) => !(name in left));
    return lost ? [forbidden(`${path}.resources.${list}`, `resource ${list} cannot be removed`)] : [];
  });
}

function validateContainers(pod: Pod, old: Pod, field: (typeof fields)[number]): FieldError[] {
  const [now, before] = [pod.spec[field] ?? [], old.spec[field] ?? []];
  const names = (containers: readonly Container[]): string[] => containers.map(({ name }) => name);
  if (!isDeepStrictEqual(names(now), names(before))) {
    return [forbidden("spec", `${field} may not be added, removed, renamed or reordered on resize`)];
  }
  return now.flatMap((container, index): FieldError[] => {
    const stored = before[index];
    if (!stored || isDeepStrictEqual(container, stored)) return [];
    if (field === "initContainers" && stored.restartPolicy !== "Always") {
      return [forbidden("spec", "resources for non-sidecar init containers are immutable")];
    }
    const faults = validateRemoval(`spec.${field}[${index}]`, container, stored);
    if (isDeepStrictEqual(fixedPart(container), fixedPart(stored))) return faults;
    return [...faults, forbidden("spec", "only cpu and memory resources are mutable")];
  });
}

export function validatePodResize(pod: Pod, old: Pod): FieldError[] {
  const before = old.status?.qosClass ?? qosClassOf(old.spec);
  const faults = fields.flatMap((field) => validateContainers(pod, old, field));
  if (qosClassOf(pod.spec) === before) return faults;
  return [invalid("spec", before, "Pod QOS Class may not change as a result of resizing"), ...faults];
}
