/** Keeps as many Pods as each ReplicaSet asks for. */
import { objectKey, type Pod, type ReplicaSet } from "../../api/object.ts";
import { replicaSets as resource } from "../../api/resource.ts";
import type { Again, WorkQueue } from "../../lib/work-queue.ts";
import { type Context, createQueue, createRecorder, isRace } from "../context.ts";
import { controllerOf } from "../owner.ts";
import { isActive } from "../pod.ts";
import { buildPod, createPodSet, slowStart } from "../pod-set.ts";
import { matchesSelector } from "../selector.ts";
import { computeStatus, planReplicas, sameStatus } from "./compute.ts";

export function startReplicaSetController(context: Context): WorkQueue {
  const { client, clock, informers } = context;
  const recorder = createRecorder(context, "replicaset-controller");
  const podSet = createPodSet(context, recorder);

  const reconcile = async (key: string): Promise<Again | undefined> => {
    const replicaSet = informers.replicaSets.get(key);
    if (!replicaSet) return undefined;
    let pods = await podSet.claim(replicaSet);
    const failure = replicaSet.metadata.deletionTimestamp ? undefined : await scale(replicaSet, pods);
    pods = await podSet.claim(replicaSet);
    const againInMs = await writeStatus(replicaSet, pods, failure);
    if (failure) throw failure;
    return againInMs === undefined ? undefined : { afterMs: againInMs };
  };

  const scale = async (replicaSet: ReplicaSet, pods: readonly Pod[]): Promise<Error | undefined> => {
    const plan = planReplicas(replicaSet, pods, { nowMs: clock.now() });
    const { template = {} } = replicaSet.spec;
    const wanted = Array.from({ length: plan.create }, () => buildPod(replicaSet, template));
    try {
      await slowStart(wanted, (pod) => podSet.create(replicaSet, pod));
      await Promise.all(plan.delete.map((pod) => podSet.delete(replicaSet, pod)));
      return undefined;
    } catch (error) {
      return error as Error;
    }
  };

  const writeStatus = async (replicaSet: ReplicaSet, pods: readonly Pod[], error: Error | undefined) => {
    const wanted = replicaSet.spec.replicas ?? 1;
    const reason = pods.filter(isActive).length < wanted ? "FailedCreate" : "FailedDelete";
    const failure = error && !isRace(error) ? { reason, message: error.message } : undefined;
    const { status, againInMs } = computeStatus(replicaSet, { pods, failure, nowMs: clock.now() });
    if (!sameStatus(replicaSet.status, status)) {
      await client.update(resource, { ...replicaSet, status }, { subresource: "status" });
    }
    return againInMs;
  };

  const queue = createQueue(context, { name: "replicaset", reconcile });
  informers.replicaSets.onChange(({ object }) => queue.add(objectKey(object)));
  informers.pods.onChange((change) => {
    for (const pod of change.type === "updated" ? [change.object, change.old] : [change.object]) {
      for (const key of ownersOf(pod)) queue.add(key);
    }
  });
  /** The ReplicaSet that controls the Pod; for an orphan, all that would adopt it. */
  const ownersOf = (pod: Pod): string[] => {
    const { namespace = "", labels } = pod.metadata;
    const owner = controllerOf(pod);
    if (owner) return owner.kind === "ReplicaSet" ? [`${namespace}/${owner.name}`] : [];
    return informers.replicaSets
      .byIndex("namespace", namespace)
      .filter(({ spec }) => matchesSelector(spec.selector, labels))
      .map(objectKey);
  };
  return queue;
}
