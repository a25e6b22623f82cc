/** Removes Pods whose Node is no more: nobody else would ever end them. */
import type { Pod } from "../../api/object.ts";
import { nodes as nodesResource, pods as podsResource } from "../../api/resource.ts";
import { isNotFound } from "../../client/client.ts";
import type { Again, WorkQueue } from "../../lib/work-queue.ts";
import { type Context, createQueue, nameOf } from "../context.ts";

/** A Node that is deleted may be registered again at once (its agent restarts): its Pods are kept for so long. */
const defaultQuarantineMs = 40_000;

export function startPodGarbageCollector(context: Context, { quarantineMs = defaultQuarantineMs } = {}): WorkQueue {
  const { client, clock, informers } = context;
  const { nodes, pods } = informers;
  const missingSinceMs = new Map<string, number>();

  const reconcile = async (nodeName: string): Promise<Again | undefined> => {
    const orphans = pods.byIndex("node", nodeName);
    if (nodes.get(nodeName) || orphans.length === 0) {
      missingSinceMs.delete(nodeName);
      return undefined;
    }
    const since = missingSinceMs.get(nodeName) ?? clock.now();
    missingSinceMs.set(nodeName, since);
    const leftMs = since + quarantineMs - clock.now();
    if (leftMs > 0) return { afterMs: leftMs };
    if (await exists(nodeName)) return undefined;
    await Promise.all(orphans.map(remove));
    return undefined;
  };

  const exists = async (nodeName: string): Promise<boolean> => {
    try {
      await client.get(nodesResource, nodeName);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  };

  const remove = async (pod: Pod): Promise<void> => {
    const preconditions = { uid: pod.metadata.uid ?? "" };
    await client.delete(podsResource, nameOf(pod), { gracePeriodSeconds: 0, preconditions });
  };

  const queue = createQueue(context, { name: "pod-garbage", reconcile });
  nodes.onChange(({ type, object }) => {
    if (type !== "updated") queue.add(object.metadata.name);
  });
  pods.onChange(({ type, object: { spec } }) => {
    if (type !== "deleted" && spec.nodeName && !nodes.get(spec.nodeName)) queue.add(spec.nodeName);
  });
  return queue;
}
