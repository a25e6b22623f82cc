/** Starts a Job whenever a CronJob's schedule says so. */
import { type CronJob, type Job, objectKey } from "../../api/object.ts";
import { jobs as jobsResource, cronJobs as resource } from "../../api/resource.ts";
import { isAlreadyExists } from "../../client/client.ts";
import { createWriteThrough } from "../../client/write-through.ts";
import type { Again, WorkQueue } from "../../lib/work-queue.ts";
import { type Context, createQueue, createRecorder, equal } from "../context.ts";
import { commonIndexes } from "../informers.ts";
import { controllerOf, isControlledBy } from "../owner.ts";
import { type CronPlan, planCronJob, referenceTo } from "./compute.ts";

/** Clocks are set, and timers have an end: so often the schedule is looked at in any case. */
const maxWaitMs = 10 * 60_000;

export function startCronJobController(context: Context): WorkQueue {
  const { client, clock, informers } = context;
  const recorder = createRecorder(context, "cronjob-controller");
  const jobs = createWriteThrough(client, jobsResource, { informer: informers.jobs, indexes: commonIndexes });

  const reconcile = async (key: string): Promise<Again | undefined> => {
    const cronJob = informers.cronJobs.get(key);
    if (!cronJob || cronJob.metadata.deletionTimestamp) return undefined;
    const owned = jobs.byIndex("owner", cronJob.metadata.uid ?? "").filter((job) => isControlledBy(job, cronJob));
    const plan = planCronJob(cronJob, { jobs: owned, nowMs: clock.now() });
    for (const event of plan.events) recorder.record(cronJob, event);
    await Promise.all(plan.delete.map((job) => remove(cronJob, job)));
    const status = await start(cronJob, plan);
    if (!equal(cronJob.status ?? {}, status)) {
      await client.update(resource, { ...cronJob, status }, { subresource: "status" });
    }
    return plan.againInMs === undefined ? undefined : { afterMs: Math.max(1, Math.min(maxWaitMs, plan.againInMs)) };
  };

  const start = async (cronJob: CronJob, { create, status }: CronPlan) => {
    if (!create) return status;
    const started = await createJob(cronJob, create);
    return { ...status, active: [...(status.active ?? []), ...(started ? [referenceTo(started)] : [])] };
  };

  /** undefined: it was started before. */
  const createJob = async (cronJob: CronJob, job: Job): Promise<Job | undefined> => {
    try {
      const created = await jobs.create(job);
      const message = `Created job ${created.metadata.name}`;
      recorder.record(cronJob, { type: "Normal", reason: "SuccessfulCreate", message });
      return created;
    } catch (error) {
      if (isAlreadyExists(error)) return undefined;
      const message = `Error creating job: ${(error as Error).message}`;
      recorder.record(cronJob, { type: "Warning", reason: "FailedCreate", message });
      throw error;
    }
  };

  const remove = async (cronJob: CronJob, job: Job): Promise<void> => {
    await jobs.delete(job, { propagationPolicy: "Background" });
    const message = `Deleted job ${job.metadata.name}`;
    recorder.record(cronJob, { type: "Normal", reason: "SuccessfulDelete", message });
  };

  const queue = createQueue(context, { name: "cronjob", reconcile });
  informers.cronJobs.onChange(({ object }) => queue.add(objectKey(object)));
  informers.jobs.onChange(({ object }) => {
    const owner = controllerOf(object);
    if (owner?.kind === "CronJob") queue.add(`${object.metadata.namespace}/${owner.name}`);
  });
  return queue;
}
