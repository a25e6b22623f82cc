/** Keeps one Pod of each DaemonSet on every Node that should have it. */
import { type DaemonSet, objectKey, type Pod } from "../../api/object.ts";
import { daemonSets as resource } from "../../api/resource.ts";
import type { Again, WorkQueue } from "../../lib/work-queue.ts";
import { type Context, canonical, createQueue, createRecorder } from "../context.ts";
import { followPods } from "../pod-owners.ts";
import { buildPod, createPodSet, slowStart } from "../pod-set.ts";
import { createRevisionHistory } from "../revision-history.ts";
import { matchesSelector } from "../selector.ts";
import { computeStatus, planDaemons, revisionLabel, sameStatus, specForNode } from "./compute.ts";

export function startDaemonSetController(context: Context): WorkQueue {
  const { client, clock, informers } = context;
  const { daemonSets, nodes } = informers;
  const history = createRevisionHistory(context, { hashLabel: revisionLabel });
  const podSet = createPodSet(context, createRecorder(context, "daemonset-controller"));

  const reconcile = async (key: string): Promise<Again | undefined> => {
    const daemonSet = daemonSets.get(key);
    if (!daemonSet || daemonSet.metadata.deletionTimestamp) return undefined;
    const { update } = await history.sync(daemonSet);
    const revision = update.metadata.labels?.[revisionLabel] ?? "";
    const input = { nodes: [...nodes.list()], revision, nowMs: clock.now() };
    const plan = planDaemons(daemonSet, { ...input, pods: await podSet.claim(daemonSet) });
    await slowStart(plan.create, (nodeName) => podSet.create(daemonSet, build(daemonSet, { nodeName, revision })));
    await Promise.all(plan.delete.map((pod) => podSet.delete(daemonSet, pod)));
    const pods = await podSet.claim(daemonSet);
    const { status, againInMs } = computeStatus(daemonSet, { ...input, pods });
    if (!sameStatus(daemonSet.status, status)) {
      await client.update(
        resource,
        { ...daemonSet, status: { ...daemonSet.status, ...status } },
        { subresource: "status" },
      );
    }
    const live = pods.map(({ metadata }) => `${daemonSet.metadata.name}-${metadata.labels?.[revisionLabel]}`);
    await history.prune(daemonSet, new Set([...live, update.metadata.name]));
    return againInMs === undefined ? undefined : { afterMs: againInMs };
  };

  const build = (daemonSet: DaemonSet, { nodeName, revision }: { nodeName: string; revision: string }): Pod => {
    const { template } = daemonSet.spec;
    const pod = buildPod(daemonSet, template);
    const labels = { ...pod.metadata.labels, [revisionLabel]: revision };
    return { ...pod, metadata: { ...pod.metadata, labels }, spec: specForNode(pod.spec, nodeName) };
  };

  const queue = createQueue(context, { name: "daemonset", reconcile });
  const addAll = () => {
    for (const daemonSet of daemonSets.list()) queue.add(objectKey(daemonSet));
  };
  daemonSets.onChange(({ object }) => queue.add(objectKey(object)));
  followPods(context, {
    kind: "DaemonSet",
    workloads: daemonSets,
    selects: ({ spec }, { metadata }) => matchesSelector(spec.selector, metadata.labels),
    add: (key) => queue.add(key),
  });
  nodes.onChange((change) => {
    if (change.type !== "updated") return addAll();
    const { object, old } = change;
    const same = canonical([object.metadata.labels, object.spec]) === canonical([old.metadata.labels, old.spec]);
    if (!same) addAll();
  });
  return queue;
}
