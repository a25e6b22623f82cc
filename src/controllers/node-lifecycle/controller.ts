/** Marks Nodes whose agent is silent, so that no traffic and no new Pods go there. */
import type { Node, Pod } from "../../api/object.ts";
import { nodes as nodesResource, pods as podsResource } from "../../api/resource.ts";
import { isNotFound } from "../../client/client.ts";
import type { Again, WorkQueue } from "../../lib/work-queue.ts";
import { type Context, createQueue, createRecorder, nameOf, timestamp } from "../context.ts";
import { readyStatus } from "../node-fit.ts";
import { isReady, isTerminating } from "../pod.ts";
import { defaultTolerationSec, evictionInMs, isOutOfService, lifecycleTaints, silentConditions } from "./compute.ts";

export interface NodeLifecycleConfig {
  /** A Lease that was not renewed for so long means that the node is gone; default 40 s. */
  readonly graceMs?: number | undefined;
  /** How long Pods that say nothing of it stay on a Node that is not ready; default 300 s. */
  readonly tolerationSec?: number | undefined;
}

const defaultGraceMs = 40_000;
const leaseNamespace = "kube-node-lease";

export function startNodeLifecycleController(context: Context, config: NodeLifecycleConfig = {}): WorkQueue {
  const { client, clock, informers } = context;
  const { nodes, pods, leases } = informers;
  const { graceMs = defaultGraceMs, tolerationSec = defaultTolerationSec } = config;
  const recorder = createRecorder(context, "node-controller");
  /** When each node was last heard of, by our own clock: those of other machines differ. */
  const heardAtMs = new Map<string, number>();
  /** When each taint that does not say since when it holds was seen first, by node. */
  const taintsSeenAtMs = new Map<string, Map<string, number>>();

  const reconcile = async (name: string): Promise<Again | undefined> => {
    const node = nodes.get(name);
    if (!node) {
      heardAtMs.delete(name);
      taintsSeenAtMs.delete(name);
      return undefined;
    }
    const silentMs = clock.now() - (heardAtMs.get(name) ?? clock.now());
    const marked = silentMs >= graceMs ? await markSilent(node) : node;
    const tainted = await taint(marked);
    const evictAgainMs = await evict(tainted);
    if (readyStatus(tainted) !== "True") await markPods(name);
    const waits = [silentMs < graceMs ? graceMs - silentMs : undefined, evictAgainMs].filter((ms) => ms !== undefined);
    return waits.length > 0 ? { afterMs: Math.max(1, Math.min(...waits)) } : undefined;
  };

  const markSilent = async (node: Node): Promise<Node> => {
    const conditions = silentConditions(node, clock.now());
    if (!conditions) return node;
    const message = `Node ${node.metadata.name} status is now: NodeNotReady`;
    recorder.record(node, { type: "Normal", reason: "NodeNotReady", message });
    return client.update(nodesResource, { ...node, status: { ...node.status, conditions } }, { subresource: "status" });
  };

  const taint = async (node: Node): Promise<Node> => {
    const taints = lifecycleTaints(node, clock.now());
    if (!taints) return node;
    return client.update(nodesResource, { ...node, spec: { ...node.spec, taints } });
  };

  /** Nobody there can say whether the Pods work: they do not count as ready. */
  const markPods = async (nodeName: string): Promise<void> => {
    await Promise.all(pods.byIndex("node", nodeName).filter(isReady).map(markPod));
  };

  const markPod = async (pod: Pod): Promise<void> => {
    const conditions = (pod.status?.conditions ?? []).map((condition) =>
      condition.type === "Ready"
        ? { ...condition, status: "False", lastTransitionTime: timestamp(clock.now()) }
        : condition,
    );
    await client.update(podsResource, { ...pod, status: { ...pod.status, conditions } }, { subresource: "status" });
    recorder.record(pod, { type: "Warning", reason: "NodeNotReady", message: "Node is not ready" });
  };

  const evict = async (node: Node): Promise<number | undefined> => {
    const waits: number[] = [];
    const nowMs = clock.now();
    const seen = noteTaints(node, nowMs);
    const force = isOutOfService(node);
    for (const pod of pods.byIndex("node", node.metadata.name)) {
      if (isTerminating(pod)) {
        if (force) await remove(pod, { gracePeriodSeconds: 0 });
        continue;
      }
      const inMs = evictionInMs(pod, { node, nowMs, tolerationSec, seenAtMs: ({ key }) => seen.get(key) ?? nowMs });
      if (inMs === undefined) continue;
      if (inMs > 0) waits.push(inMs);
      else await remove(pod, {});
    }
    return waits.length > 0 ? Math.min(...waits) : undefined;
  };

  const noteTaints = ({ metadata, spec }: Node, nowMs: number): ReadonlyMap<string, number> => {
    const before = taintsSeenAtMs.get(metadata.name);
    const seen = new Map((spec?.taints ?? []).map(({ key }) => [key, before?.get(key) ?? nowMs]));
    taintsSeenAtMs.set(metadata.name, seen);
    return seen;
  };

  const remove = async (pod: Pod, options: { gracePeriodSeconds?: number }): Promise<void> => {
    try {
      await client.delete(podsResource, nameOf(pod), { ...options, preconditions: { uid: pod.metadata.uid ?? "" } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    const message = `Marking for deletion Pod ${pod.metadata.namespace}/${pod.metadata.name}`;
    recorder.record(pod, { type: "Normal", reason: "TaintManagerEviction", message });
  };

  const queue = createQueue(context, { name: "node-lifecycle", reconcile });
  nodes.onChange(({ object: { metadata } }) => {
    if (!heardAtMs.has(metadata.name)) heardAtMs.set(metadata.name, clock.now());
    queue.add(metadata.name);
  });
  // A Pod that came to a Node with a taint that evicts, or to a silent one.
  pods.onChange(({ type, object: { spec } }) => {
    const node = type === "added" && spec.nodeName ? nodes.get(spec.nodeName) : undefined;
    if (node?.spec?.taints?.some(({ effect }) => effect === "NoExecute")) queue.add(node.metadata.name);
  });
  leases.onChange((change) => {
    const { name, namespace } = change.object.metadata;
    if (namespace !== leaseNamespace || change.type === "deleted") return;
    if (change.type === "updated" && change.object.spec?.renewTime === change.old.spec?.renewTime) return;
    // A renewal costs nothing but this, unless the node is marked: the check that is due later reads it.
    heardAtMs.set(name, clock.now());
  });
  return queue;
}
