/** Which workloads a change of a Pod concerns. */
import { type KubeObject, objectKey, type Pod } from "../api/object.ts";
import type { Change, Informer } from "../client/client.ts";
import type { Context } from "./context.ts";
import { controllerOf } from "./owner.ts";

/** Calls `add` with the key of the workload of `kind` that controls the Pod; for an orphan, with all that would adopt it. */
export function followPods<T extends KubeObject>(
  { informers }: Context,
  {
    kind,
    workloads,
    selects,
    add,
  }: { kind: string; workloads: Informer<T>; selects: (workload: T, pod: Pod) => boolean; add: (key: string) => void },
): void {
  const ownersOf = (pod: Pod): string[] => {
    const { namespace = "" } = pod.metadata;
    const owner = controllerOf(pod);
    if (owner) return owner.kind === kind ? [`${namespace}/${owner.name}`] : [];
    return workloads
      .byIndex("namespace", namespace)
      .filter((workload) => selects(workload, pod))
      .map(objectKey);
  };
  informers.pods.onChange((change: Change<Pod>) => {
    for (const pod of change.type === "updated" ? [change.object, change.old] : [change.object]) {
      for (const key of ownersOf(pod)) add(key);
    }
  });
}
