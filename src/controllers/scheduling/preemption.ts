/** Which Pods of lower priority make room for one that fits nowhere (docs: "Pod Priority and Preemption"). */
import { objectKey, type Pod } from "../../api/object.ts";
import { isTerminating } from "../pod.ts";
import { filterFor, type Refusal, type Scene } from "./filters.ts";
import type { NodePods } from "./node-pods.ts";

export interface Preemption {
  readonly node: string;
  readonly victims: readonly Pod[];
}

const priorityOf = ({ spec }: Pod): number => spec.priority ?? 0;

/** The Node whose victims matter least: of the lowest priority, then the fewest. */
export function preempt(
  pod: Pod,
  { scene, refusals }: { scene: Scene; refusals: ReadonlyMap<NodePods, Refusal> },
): Preemption | undefined {
  if (pod.spec.preemptionPolicy === "Never") return undefined;
  const found = scene.candidates.flatMap((candidate) => {
    if (refusals.get(candidate)?.helpless !== false) return [];
    const victims = victimsOn(candidate, pod, scene);
    return victims ? [{ node: candidate.name, victims }] : [];
  });
  const highest = ({ victims }: Preemption) => Math.max(...victims.map(priorityOf));
  return found.sort(
    (one, other) =>
      highest(one) - highest(other) || one.victims.length - other.victims.length || (one.node < other.node ? -1 : 1),
  )[0];
}

/** The fewest Pods of the Node without which it would do; undefined: none of them would help. */
function victimsOn(candidate: NodePods, pod: Pod, scene: Scene): Pod[] | undefined {
  const lower = [...candidate.pods()].filter((other) => priorityOf(other) < priorityOf(pod));
  // Those that go already make room without further victims.
  if (lower.length === 0 || lower.some(isTerminating)) return undefined;
  const fits = (kept: readonly Pod[]): boolean => {
    const changed = candidate.with(kept);
    const candidates = scene.candidates.map((one) => (one === candidate ? changed : one));
    return filterFor(pod, { ...scene, candidates })(changed) === undefined;
  };
  const kept = [...candidate.pods()].filter((other) => !lower.includes(other));
  if (!fits(kept)) return undefined;
  const victims: Pod[] = [];
  for (const other of lower.sort(
    (one, two) => priorityOf(two) - priorityOf(one) || (objectKey(one) < objectKey(two) ? -1 : 1),
  )) {
    if (fits([...kept, other])) kept.push(other);
    else victims.push(other);
  }
  return victims;
}
