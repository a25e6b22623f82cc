/** Keeps as many Pods as each ReplicaSet, or ReplicationController, asks for. */
import { objectKey, type Pod, type ReplicaSet, type ReplicationController } from "../../api/object.ts";
import { replicaSets, replicationControllers } from "../../api/resource.ts";
import type { Informer } from "../../client/client.ts";
import type { Again, WorkQueue } from "../../lib/work-queue.ts";
import { type Context, createQueue, createRecorder, isRace } from "../context.ts";
import { isActive } from "../pod.ts";
import { followPods } from "../pod-owners.ts";
import { buildPod, createPodSet, slowStart } from "../pod-set.ts";
import { matchesSelector } from "../selector.ts";
import { computeStatus, planReplicas, type ReplicaSetStatus, sameStatus } from "./compute.ts";

export function startReplicaSetController(context: Context): WorkQueue {
  const { client, informers } = context;
  return start(context, {
    name: "replicaset",
    kind: "ReplicaSet",
    informer: informers.replicaSets,
    read: (replicaSet) => replicaSet,
    write: (replicaSet, status) => client.update(replicaSets, { ...replicaSet, status }, { subresource: "status" }),
  });
}

/** A ReplicationController is a ReplicaSet with an older form of selector (core/v1 ReplicationControllerSpec). */
export function startReplicationController(context: Context): WorkQueue {
  const { client, informers } = context;
  return start<ReplicationController>(context, {
    name: "replication",
    kind: "ReplicationController",
    informer: informers.replicationControllers,
    read: (old) => {
      const { selector: matchLabels = {}, template = {}, ...spec } = old.spec;
      // Owner references and Events name it by its own kind.
      return { ...old, spec: { ...spec, template, selector: { matchLabels } } } as unknown as ReplicaSet;
    },
    write: (old, status) => client.update(replicationControllers, { ...old, status }, { subresource: "status" }),
  });
}

interface Family<T extends ReplicaSet | ReplicationController> {
  readonly name: string;
  readonly kind: T["kind"];
  readonly informer: Informer<T>;
  readonly read: (object: T) => ReplicaSet;
  readonly write: (object: T, status: ReplicaSetStatus) => Promise<unknown>;
}

function start<T extends ReplicaSet | ReplicationController>(
  context: Context,
  { name, kind, informer, read, write }: Family<T>,
): WorkQueue {
  const { clock } = context;
  const recorder = createRecorder(context, `${name}-controller`);
  const podSet = createPodSet(context, recorder);

  const reconcile = async (key: string): Promise<Again | undefined> => {
    const object = informer.get(key);
    if (!object) return undefined;
    const replicaSet = read(object);
    let pods = await podSet.claim(replicaSet);
    const failure = replicaSet.metadata.deletionTimestamp ? undefined : await scale(replicaSet, pods);
    pods = await podSet.claim(replicaSet);
    const againInMs = await writeStatus(object, { pods, error: failure });
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

  const writeStatus = async (object: T, { pods, error }: { pods: readonly Pod[]; error: Error | undefined }) => {
    const replicaSet = read(object);
    const wanted = replicaSet.spec.replicas ?? 1;
    const reason = pods.filter(isActive).length < wanted ? "FailedCreate" : "FailedDelete";
    const failure = error && !isRace(error) ? { reason, message: error.message } : undefined;
    const { status, againInMs } = computeStatus(replicaSet, { pods, failure, nowMs: clock.now() });
    if (!sameStatus(replicaSet.status, status)) await write(object, status);
    return againInMs;
  };

  const queue = createQueue(context, { name, reconcile });
  informer.onChange(({ object }) => queue.add(objectKey(object)));
  followPods(context, {
    kind,
    workloads: informer,
    selects: (object, { metadata }) => matchesSelector(read(object).spec.selector, metadata.labels),
    add: (key) => queue.add(key),
  });
  return queue;
}
