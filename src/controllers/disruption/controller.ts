/** Keeps the status of PodDisruptionBudgets, which the eviction subresource obeys. */
import { objectKey, type Pod } from "../../api/object.ts";
import { podDisruptionBudgets as resource } from "../../api/resource.ts";
import type { Again, WorkQueue } from "../../lib/work-queue.ts";
import { type Context, createQueue, equal } from "../context.ts";
import { controllerOf } from "../owner.ts";
import { matchesSelector } from "../selector.ts";
import { computeStatus } from "./compute.ts";

export function startDisruptionController(context: Context): WorkQueue {
  const { client, clock, informers } = context;
  const { podDisruptionBudgets: budgets, pods } = informers;

  /** The workload that decides how many Pods there are, above the one that owns the Pod. */
  const workloadOf = (pod: Pod): { uid: string; replicas: number } | undefined => {
    const owner = controllerOf(pod);
    if (!owner) return undefined;
    const key = `${pod.metadata.namespace}/${owner.name}`;
    const replicaSet = owner.kind === "ReplicaSet" ? informers.replicaSets.get(key) : undefined;
    const deployment = replicaSet && controllerOf(replicaSet);
    const found = deployment
      ? informers.deployments.get(`${pod.metadata.namespace}/${deployment.name}`)
      : (replicaSet ??
        (owner.kind === "StatefulSet" ? informers.statefulSets.get(key) : undefined) ??
        (owner.kind === "ReplicationController" ? informers.replicationControllers.get(key) : undefined));
    if (!found) return undefined;
    return { uid: found.metadata.uid ?? "", replicas: found.spec.replicas ?? 1 };
  };

  const reconcile = async (key: string): Promise<Again | undefined> => {
    const budget = budgets.get(key);
    if (!budget || budget.metadata.deletionTimestamp) return undefined;
    const selected = pods
      .byIndex("namespace", budget.metadata.namespace ?? "")
      .filter(({ metadata }) => matchesSelector(budget.spec.selector, metadata.labels));
    const scales = new Map(
      selected.flatMap((pod) => {
        const workload = workloadOf(pod);
        return workload ? [[workload.uid, workload.replicas] as const] : [];
      }),
    );
    const { status, againInMs } = computeStatus(budget, { pods: selected, scales, nowMs: clock.now() });
    if (!equal(budget.status, status)) await client.update(resource, { ...budget, status }, { subresource: "status" });
    return againInMs === undefined ? undefined : { afterMs: againInMs };
  };

  const queue = createQueue(context, { name: "disruption", reconcile });
  budgets.onChange(({ object }) => queue.add(objectKey(object)));
  pods.onChange((change) => {
    const { object } = change;
    const present = change.type === "updated" ? [object, change.old] : [object];
    for (const budget of budgets.byIndex("namespace", object.metadata.namespace ?? "")) {
      const selects = ({ metadata }: Pod) => matchesSelector(budget.spec.selector, metadata.labels);
      if (present.some(selects)) queue.add(objectKey(budget));
    }
  });
  // The size of a workload may change without any Pod.
  const addAll = ({ object }: { object: { metadata: { namespace?: string } } }) => {
    for (const budget of budgets.byIndex("namespace", object.metadata.namespace ?? "")) queue.add(objectKey(budget));
  };
  informers.deployments.onChange(addAll);
  informers.replicaSets.onChange(addAll);
  informers.statefulSets.onChange(addAll);
  informers.replicationControllers.onChange(addAll);
  return queue;
}
