/** Binds Pods to Nodes (Pod.spec.schedulerName "default-scheduler"). */
import { type KubeObject, type Node, objectKey, type Pod } from "../../api/object.ts";
import { pods as podsResource, type Resource } from "../../api/resource.ts";
import type { WorkQueue } from "../../lib/work-queue.ts";
import { type Context, canonical, createQueue, createRecorder, nameOf, timestamp } from "../context.ts";
import { readyStatus } from "../node-fit.ts";
import { isFinished, isTerminating, podCondition } from "../pod.ts";
import { type Candidate, schedule } from "./compute.ts";

const schedulerName = "default-scheduler";

type Binding = KubeObject & { kind: "Binding"; target: { apiVersion: string; kind: string; name: string } };

/** Bindings are posted below the Pod. */
const bindings: Resource<Binding> = { group: "", version: "v1", kind: "Binding", plural: "pods", namespaced: true };

function isWaiting(pod: Pod): boolean {
  const { spec } = pod;
  if (spec.nodeName || (spec.schedulerName ?? schedulerName) !== schedulerName) return false;
  return !isTerminating(pod) && !isFinished(pod) && (spec.schedulingGates ?? []).length === 0;
}

export function startScheduler(context: Context): WorkQueue {
  const { client, clock, informers } = context;
  const { pods, nodes } = informers;
  const recorder = createRecorder(context, schedulerName);
  /** Decided, but not bound in the cache yet: they count for the decisions that follow. */
  const assumed = new Map<string, { node: string; pod: Pod }>();
  const unschedulable = new Set<string>();

  const candidates = (): Candidate[] => {
    const coming = Map.groupBy(assumed.values(), ({ node }) => node);
    return [...nodes.list()].map((node) => {
      const { name } = node.metadata;
      return { node, pods: [...pods.byIndex("node", name), ...(coming.get(name) ?? []).map(({ pod }) => pod)] };
    });
  };

  const reconcile = async (key: string): Promise<void> => {
    const pod = pods.get(key);
    unschedulable.delete(key);
    if (!pod || !isWaiting(pod) || assumed.has(key)) return;
    // No await from here to the note in `assumed`: decisions see each other.
    const decision = schedule(pod, candidates());
    if (decision.ok) return bind(pod, decision.node);
    unschedulable.add(key);
    await report(pod, decision.reason);
  };

  const bind = async (pod: Pod, node: string): Promise<void> => {
    const key = objectKey(pod);
    assumed.set(key, { node, pod });
    const { name, namespace = "", uid = "" } = pod.metadata;
    const target = { apiVersion: "v1", kind: "Node", name: node };
    const binding: Binding = { apiVersion: "v1", kind: "Binding", metadata: { name, namespace, uid }, target };
    try {
      await client.create(bindings, binding, { name, subresource: "binding" });
    } catch (error) {
      assumed.delete(key);
      throw error;
    }
    // The watch may have been faster than the answer.
    if (pods.get(key)?.spec.nodeName) assumed.delete(key);
    const message = `Successfully assigned ${key} to ${node}`;
    recorder.record(pod, { type: "Normal", reason: "Scheduled", message });
  };

  const report = async (pod: Pod, message: string): Promise<void> => {
    recorder.record(pod, { type: "Warning", reason: "FailedScheduling", message });
    const old = podCondition(pod, "PodScheduled");
    if (old?.status === "False" && old.message === message) return;
    const lastTransitionTime = old?.status === "False" ? (old.lastTransitionTime ?? "") : timestamp(clock.now());
    const condition = { type: "PodScheduled", status: "False", reason: "Unschedulable", message, lastTransitionTime };
    const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== "PodScheduled");
    const status = { ...pod.status, conditions: [...others, condition] };
    await client.update(
      podsResource,
      { ...pod, metadata: { ...pod.metadata, ...nameOf(pod) }, status },
      { subresource: "status" },
    );
  };

  const queue = createQueue(context, { name: "scheduler", reconcile, concurrency: 32 });
  const retryUnschedulable = () => {
    for (const key of unschedulable) queue.add(key);
  };
  pods.onChange((change) => {
    const { type, object } = change;
    const key = objectKey(object);
    if (type === "deleted" || object.spec.nodeName) assumed.delete(key);
    if (type === "deleted" || isFinished(object)) retryUnschedulable();
    if (type === "deleted") unschedulable.delete(key);
    const changed = type === "updated" && canonical(object.spec) !== canonical(change.old.spec);
    if (type !== "deleted" && isWaiting(object) && (changed || !unschedulable.has(key))) queue.add(key);
  });
  const shape = (node: Node) =>
    canonical([node.metadata.labels, node.spec, node.status?.allocatable, readyStatus(node)]);
  nodes.onChange((change) => {
    if (change.type !== "updated" || shape(change.object) !== shape(change.old)) retryUnschedulable();
  });
  return queue;
}
