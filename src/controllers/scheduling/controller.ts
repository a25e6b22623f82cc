/** Binds Pods to Nodes (Pod.spec.schedulerName "default-scheduler"). */
import { type KubeObject, type Node, objectKey, type Pod } from "../../api/object.ts";
import { pods as podsResource, type Resource } from "../../api/resource.ts";
import type { Change } from "../../client/client.ts";
import type { WorkQueue } from "../../lib/work-queue.ts";
import { type Context, canonical, createQueue, createRecorder, nameOf, timestamp } from "../context.ts";
import { readyStatus } from "../node-fit.ts";
import { isFinished, isTerminating, podCondition } from "../pod.ts";
import { ClusterPods } from "./cluster-pods.ts";
import { schedule } from "./compute.ts";
import type { Preemption } from "./preemption.ts";

const schedulerName = "default-scheduler";

type Binding = KubeObject & { kind: "Binding"; target: { apiVersion: string; kind: string; name: string } };

/** Bindings are posted below the Pod. */
const bindings: Resource<Binding> = { group: "", version: "v1", kind: "Binding", plural: "pods", namespaced: true };

const isGated = ({ spec }: Pod): boolean => (spec.schedulingGates ?? []).length > 0;

function isWaiting(pod: Pod): boolean {
  const { spec } = pod;
  if (spec.nodeName || (spec.schedulerName ?? schedulerName) !== schedulerName) return false;
  return !isTerminating(pod) && !isFinished(pod);
}

export function startScheduler(context: Context): WorkQueue {
  const { client, clock, informers } = context;
  const { pods, nodes, namespaces } = informers;
  const recorder = createRecorder(context, schedulerName);
  const cluster = new ClusterPods();
  /** Decided, but not bound in the cache yet: they count for the decisions that follow. */
  const assumed = new Set<string>();
  const unschedulable = new Set<string>();
  const namespaceLabels = (name: string) => namespaces.get(name)?.metadata.labels ?? {};

  const reconcile = async (key: string): Promise<void> => {
    const pod = pods.get(key);
    unschedulable.delete(key);
    if (!pod || !isWaiting(pod) || assumed.has(key)) return;
    if (isGated(pod)) return mark(pod, { reason: "SchedulingGated", message: gatedMessage });
    // No await from here to the note in `assumed`: decisions see each other.
    const decision = schedule(pod, { candidates: cluster.candidates(), namespaceLabels });
    if (decision.ok) return bind(pod, decision.node);
    unschedulable.add(key);
    if (decision.preemption) await makeRoom(pod, decision.preemption);
    recorder.record(pod, { type: "Warning", reason: "FailedScheduling", message: decision.reason });
    await mark(pod, { reason: "Unschedulable", message: decision.reason });
  };

  /** The Pod is looked at again when its victims are gone. */
  const makeRoom = async (pod: Pod, { node, victims }: Preemption): Promise<void> => {
    await Promise.all(
      victims.map(async (victim) => {
        const { uid = "" } = victim.metadata;
        const message = `Preempted by pod ${pod.metadata.uid} on node ${node}`;
        recorder.record(victim, { type: "Normal", reason: "Preempted", message });
        await client.delete(podsResource, nameOf(victim), { preconditions: { uid } });
      }),
    );
  };

  const bind = async (pod: Pod, node: string): Promise<void> => {
    const key = objectKey(pod);
    assumed.add(key);
    cluster.putPod(pod, node);
    const { name, namespace = "", uid = "" } = pod.metadata;
    const target = { apiVersion: "v1", kind: "Node", name: node };
    const binding: Binding = { apiVersion: "v1", kind: "Binding", metadata: { name, namespace, uid }, target };
    try {
      await client.create(bindings, binding, { name, subresource: "binding" });
    } catch (error) {
      assumed.delete(key);
      if (!pods.get(key)?.spec.nodeName) cluster.removePod(key);
      throw error;
    }
    // The watch may have been faster than the answer.
    if (pods.get(key)?.spec.nodeName) assumed.delete(key);
    const message = `Successfully assigned ${key} to ${node}`;
    recorder.record(pod, { type: "Normal", reason: "Scheduled", message });
  };

  const mark = async (pod: Pod, { reason, message }: { reason: string; message: string }): Promise<void> => {
    const old = podCondition(pod, "PodScheduled");
    if (old?.status === "False" && old.message === message) return;
    const lastTransitionTime = old?.status === "False" ? (old.lastTransitionTime ?? "") : timestamp(clock.now());
    const condition = { type: "PodScheduled", status: "False", reason, message, lastTransitionTime };
    const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== "PodScheduled");
    const status = { ...pod.status, conditions: [...others, condition] };
    await client.update(
      podsResource,
      { ...pod, metadata: { ...pod.metadata, ...nameOf(pod) }, status },
      { subresource: "status" },
    );
  };

  const queue = createQueue(context, { name: "scheduler", reconcile, concurrency: 32 });
  const retryUnschedulable = (concerns: (pod: Pod) => boolean = () => true) => {
    for (const key of unschedulable) {
      const pod = pods.get(key);
      if (pod && concerns(pod)) queue.add(key);
    }
  };
  pods.onChange((change) => {
    const { type, object } = change;
    const key = objectKey(object);
    const { nodeName } = object.spec;
    if (type === "deleted" || nodeName) assumed.delete(key);
    if (type === "deleted") cluster.removePod(key);
    else if (nodeName) cluster.putPod(object, nodeName);
    if (type === "deleted" || isFinished(object)) retryUnschedulable();
    else if (nodeName && changesNeighbours(change)) retryUnschedulable(dependsOnPods);
    if (type === "deleted") unschedulable.delete(key);
    const changed = type === "updated" && canonical(object.spec) !== canonical(change.old.spec);
    if (type !== "deleted" && isWaiting(object) && (changed || !unschedulable.has(key))) queue.add(key);
  });
  const shape = (node: Node) =>
    canonical([node.metadata.labels, node.spec, node.status?.allocatable, readyStatus(node)]);
  nodes.onChange((change) => {
    const { type, object } = change;
    if (type === "deleted") cluster.removeNode(object.metadata.name);
    else cluster.putNode(object);
    if (type !== "updated" || shape(object) !== shape(change.old)) retryUnschedulable();
  });
  return queue;
}

const gatedMessage = "Scheduling is blocked due to non-empty scheduling gates";

const dependsOnPods = ({ spec }: Pod): boolean =>
  spec.affinity?.podAffinity !== undefined ||
  spec.affinity?.podAntiAffinity !== undefined ||
  (spec.topologySpreadConstraints ?? []).length > 0;

/** A Pod came to a Node, or changed its labels: others may want to be near it, or are no longer kept off. */
function changesNeighbours(change: Change<Pod>): boolean {
  if (change.type !== "updated") return true;
  const { object, old } = change;
  return !old.spec.nodeName || canonical(object.metadata.labels) !== canonical(old.metadata.labels);
}
