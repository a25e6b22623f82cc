/** Runs every Job's Pods until enough of them have succeeded. */
import { type Job, objectKey, type Pod } from "../../api/object.ts";
import { pods as podsResource, jobs as resource } from "../../api/resource.ts";
import { isNotFound } from "../../client/client.ts";
import type { Again, WorkQueue } from "../../lib/work-queue.ts";
import { type Context, createQueue, createRecorder, equal, nameOf } from "../context.ts";
import { controllerOf } from "../owner.ts";
import { followPods } from "../pod-owners.ts";
import { createPodSet, slowStart } from "../pod-set.ts";
import { matchesSelector } from "../selector.ts";
import { expiryInMs, isJobFinished, planJob } from "./compute.ts";
import { buildJobPod } from "./pod.ts";
import { isHeld, trackingFinalizer } from "./tally.ts";

type OwningJob = Job & { spec: { selector: NonNullable<Job["spec"]["selector"]> } };

const unsupported = ["podFailurePolicy", "successPolicy", "backoffLimitPerIndex", "maxFailedIndexes"] as const;

export function startJobController(context: Context): WorkQueue {
  const { client, clock, informers } = context;
  const { jobs, pods } = informers;
  const recorder = createRecorder(context, "job-controller");
  const podSet = createPodSet(context, recorder);

  const reconcile = async (key: string): Promise<Again | undefined> => {
    const job = jobs.get(key) as OwningJob | undefined;
    if (!job || job.metadata.deletionTimestamp) return undefined;
    if (!job.status?.startTime) warn(job);
    const owned = await podSet.claim(job);
    const plan = planJob(job, { pods: owned, nowMs: clock.now() });
    await Promise.all(plan.delete.map((pod) => end(job, pod)));
    await slowStart(plan.create, (index) => podSet.create(job, buildJobPod(job, index)));
    // What is counted must be written before the Pods may go.
    if (!equal(job.status ?? {}, plan.status)) {
      await client.update(resource, { ...job, status: plan.status }, { subresource: "status" });
      for (const event of plan.events) recorder.record(job, event);
    }
    await Promise.all(plan.release.map(release));
    const expiry = expiryInMs({ ...job, status: plan.status }, clock.now());
    if (expiry === 0) await remove(job);
    const waits = [plan.againInMs, expiry].filter((ms) => ms !== undefined && ms > 0) as number[];
    return waits.length > 0 ? { afterMs: Math.min(...waits) } : undefined;
  };

  const warn = (job: Job): void => {
    const fields = unsupported.filter((field) => job.spec[field] !== undefined);
    if (fields.length === 0) return;
    const names = fields.map((field) => `spec.${field}`).join(", ");
    const message = `Cannot follow ${names}: this cluster's Jobs end by completions, backoffLimit and activeDeadlineSeconds only`;
    recorder.record(job, { type: "Warning", reason: "NotSupported", message });
  };

  /** A Pod that the Job itself ends is not counted. */
  const end = async (job: OwningJob, pod: Pod): Promise<void> => {
    await podSet.delete(job, isHeld(pod) ? await release(pod) : pod);
  };

  const release = (pod: Pod): Promise<Pod> => {
    const finalizers = (pod.metadata.finalizers ?? []).filter((name) => name !== trackingFinalizer);
    return podSet.update({ ...pod, metadata: { ...pod.metadata, finalizers } });
  };

  const remove = async (job: Job): Promise<void> => {
    const preconditions = { uid: job.metadata.uid ?? "" };
    try {
      await client.delete(resource, nameOf(job), { preconditions, propagationPolicy: "Foreground" });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };

  /** Nobody counts the Pods of a Job that is gone or going: they are let go. */
  const orphans = createQueue(context, {
    name: "job-orphans",
    reconcile: async (key) => {
      const pod = pods.get(key);
      if (!pod || !isHeld(pod)) return;
      const owner = controllerOf(pod);
      const job = owner && jobs.get(`${pod.metadata.namespace}/${owner.name}`);
      if (job && job.metadata.uid === owner.uid && !job.metadata.deletionTimestamp) return;
      const finalizers = (pod.metadata.finalizers ?? []).filter((name) => name !== trackingFinalizer);
      const { uid = "", resourceVersion = "" } = pod.metadata;
      const patch = { metadata: { uid, resourceVersion, finalizers } };
      await client.patch(podsResource, nameOf(pod), patch, { type: "merge" });
    },
  });
  const queue = createQueue(context, { name: "job", reconcile });
  jobs.onChange(({ type, object }) => {
    queue.add(objectKey(object));
    if (type === "deleted" || object.metadata.deletionTimestamp) {
      for (const pod of pods.byIndex("owner", object.metadata.uid ?? "")) orphans.add(objectKey(pod));
    }
  });
  followPods(context, {
    kind: "Job",
    workloads: jobs,
    selects: (job, { metadata }) => !isJobFinished(job) && matchesSelector(job.spec.selector, metadata.labels),
    add: (key) => queue.add(key),
  });

  pods.onChange(({ type, object }) => {
    if (
      type !== "deleted" &&
      isHeld(object) &&
      !jobs.get(`${object.metadata.namespace}/${controllerOf(object)?.name}`)
    ) {
      orphans.add(objectKey(object));
    }
  });
  return queue;
}
