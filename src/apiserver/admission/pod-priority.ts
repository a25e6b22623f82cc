/** A Pod's priority comes from its PriorityClass. Source: admission plugin Priority, Kubernetes "Pod Priority and Preemption". */
import type { Pod, PriorityClass } from "../../api/object.ts";
import { pods } from "../../api/resource.ts";
import { forbidden } from "../../api/status.ts";

export type Priority = Pick<PriorityClass, "value" | "preemptionPolicy" | "globalDefault">;

const none: Priority = { value: 0, preemptionPolicy: "PreemptLowerPriority" };

function classOf({ metadata, spec }: Pod, classes: ReadonlyMap<string, Priority>): Priority {
  const name = spec.priorityClassName;
  if (name) {
    const found = classes.get(name);
    if (!found) throw forbidden(pods, metadata.name, `no PriorityClass with name ${name} was found`);
    return found;
  }
  const defaults = [...classes].filter(([, { globalDefault }]) => globalDefault);
  const [lowest] = defaults.sort(([, a], [, b]) => a.value - b.value);
  if (!lowest) return none;
  spec.priorityClassName = lowest[0];
  return lowest[1];
}

/** In place. Throws ApiFault (403) for a class that is not there, and for numbers that are not its own. */
export function setPriority(pod: Pod, classes: ReadonlyMap<string, Priority>): void {
  const { metadata, spec } = pod;
  const { value, preemptionPolicy = "PreemptLowerPriority" } = classOf(pod, classes);
  const computed = "from the given PriorityClass name";
  if (spec.priority !== undefined && spec.priority !== value) {
    const given = `the integer value of priority (${spec.priority}) must not be provided in pod spec`;
    throw forbidden(pods, metadata.name, `${given}; priority admission controller computed ${value} ${computed}`);
  }
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== preemptionPolicy) {
    const given = `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec`;
    throw forbidden(
      pods,
      metadata.name,
      `${given}; priority admission controller computed ${preemptionPolicy} ${computed}`,
    );
  }
  spec.priority = value;
  spec.preemptionPolicy = preemptionPolicy;
}
