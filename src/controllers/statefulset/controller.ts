/** Keeps the Pods of every StatefulSet, each with its own lasting name. */
import { objectKey, type Pod, type StatefulSet } from "../../api/object.ts";
import { statefulSets as resource } from "../../api/resource.ts";
import type { Again, WorkQueue } from "../../lib/work-queue.ts";
import { type Context, createQueue, createRecorder } from "../context.ts";
import { followPods } from "../pod-owners.ts";
import { createPodSet, type PodWords, slowStart } from "../pod-set.ts";
import { createRevisionHistory, templateOf } from "../revision-history.ts";
import { matchesSelector } from "../selector.ts";
import { planStatefulSet, type Revisions } from "./compute.ts";
import { buildStatefulPod, ordinalOf, revisionLabel } from "./identity.ts";
import { computeStatus, sameStatus } from "./status.ts";

const words: PodWords = (verb, { owner, podName, error }) =>
  `${verb} Pod ${podName} in StatefulSet ${owner.metadata.name} ${error ? `failed error: ${error.message}` : "successful"}`;

export function startStatefulSetController(context: Context): WorkQueue {
  const { client, clock, informers } = context;
  const recorder = createRecorder(context, "statefulset-controller");
  const history = createRevisionHistory(context, { hashLabel: "controller.kubernetes.io/hash" });
  const podSet = createPodSet(context, recorder, {
    words,
    adopts: (owner, pod) => ordinalOf(owner as StatefulSet, pod) !== undefined,
  });

  const reconcile = async (key: string): Promise<Again | undefined> => {
    const set = informers.statefulSets.get(key);
    if (!set || set.metadata.deletionTimestamp) return undefined;
    if (refuseClaims(set)) return undefined;
    const { update, all } = await history.sync(set);
    const named = all.find(({ metadata }) => metadata.name === set.status?.currentRevision);
    const revisions = { update: update.metadata.name, current: (named ?? update).metadata.name };
    const templates = new Map(all.map((one) => [one.metadata.name, templateOf(one)]));
    const plan = planStatefulSet(set, { pods: await podSet.claim(set), revisions, nowMs: clock.now() });
    const made = plan.create.map(({ ordinal, revision }) =>
      buildStatefulPod(set, { ordinal, revision, template: templates.get(revision) ?? set.spec.template }),
    );
    await slowStart(made, (pod) => podSet.create(set, pod));
    await Promise.all(plan.delete.map((pod) => podSet.delete(set, pod)));
    const pods = await podSet.claim(set);
    const againInMs = await writeStatus(set, { pods, revisions });
    const live = pods.map(({ metadata }) => metadata.labels?.[revisionLabel] ?? "");
    await history.prune(set, new Set([...live, revisions.update, revisions.current]));
    return againInMs === undefined ? undefined : { afterMs: againInMs };
  };

  /** True: the StatefulSet asks for volumes that nobody here could provide. */
  const refuseClaims = (set: StatefulSet): boolean => {
    const [claim] = set.spec.volumeClaimTemplates ?? [];
    if (!claim) return false;
    const message =
      `Cannot create Pods of StatefulSet "${set.metadata.name}": volumeClaimTemplates "${claim.metadata?.name}" asks for ` +
      "a PersistentVolume, and this cluster provides none; use an emptyDir or hostPath volume of that name instead";
    recorder.record(set, { type: "Warning", reason: "FailedCreate", message });
    return true;
  };

  const writeStatus = async (
    set: StatefulSet,
    { pods, revisions }: { pods: readonly Pod[]; revisions: Revisions },
  ): Promise<number | undefined> => {
    const { status, againInMs } = computeStatus(set, { pods, revisions, nowMs: clock.now() });
    if (!sameStatus(set.status, status)) {
      const conditions = set.status?.conditions;
      const whole = { ...status, ...(conditions ? { conditions } : {}) };
      await client.update(resource, { ...set, status: whole }, { subresource: "status" });
    }
    return againInMs;
  };

  const queue = createQueue(context, { name: "statefulset", reconcile });
  informers.statefulSets.onChange(({ object }) => queue.add(objectKey(object)));
  followPods(context, {
    kind: "StatefulSet",
    workloads: informers.statefulSets,
    selects: ({ spec }, { metadata }) => matchesSelector(spec.selector, metadata.labels),
    add: (key) => queue.add(key),
  });
  return queue;
}
