/** Mirrors the Endpoints of Services without selector into EndpointSlices, which is what proxies and DNS read. */
import { objectKey } from "../../api/object.ts";
import { endpointSlices } from "../../api/resource.ts";
import { createWriteThrough } from "../../client/write-through.ts";
import type { WorkQueue } from "../../lib/work-queue.ts";
import { type Context, createQueue, createRecorder } from "../context.ts";
import { managedByLabel, serviceNameLabel } from "../endpointslice/plan.ts";
import { sliceIndexes } from "../informers.ts";
import { computeMirror, isMirrored, mirrorManagedBy, planMirror, reportsOf } from "./compute.ts";

export function startEndpointSliceMirroringController(context: Context): WorkQueue {
  const { client, informers } = context;
  const slices = createWriteThrough(client, endpointSlices, {
    informer: informers.endpointSlices,
    indexes: sliceIndexes,
  });

  const recorder = createRecorder(context, "endpoint-slice-mirroring-controller");
  const reconcile = async (key: string): Promise<void> => {
    const service = informers.services.get(key);
    const endpoints = informers.endpoints.get(key);
    const existing = slices
      .byIndex("service", key)
      .filter(({ metadata }) => metadata.labels?.[managedByLabel] === mirrorManagedBy && !metadata.deletionTimestamp);
    const mirror =
      service && endpoints && isMirrored(endpoints, service) ? computeMirror(endpoints, service) : undefined;
    if (endpoints && mirror) {
      for (const report of reportsOf(mirror)) recorder.record(endpoints, { type: "Warning", ...report });
    }
    const plan = planMirror(mirror?.slices ?? [], existing);
    await Promise.all(plan.create.map((slice) => slices.create(slice)));
    await Promise.all(plan.update.map((slice) => slices.update(slice)));
    await Promise.all(plan.delete.map((slice) => slices.delete(slice)));
  };

  const queue = createQueue(context, { name: "endpointslice-mirroring", reconcile });
  informers.endpoints.onChange((change) => {
    const { object } = change;
    const was = change.type === "updated" ? change.old : object;
    const service = informers.services.get(objectKey(object));
    // Computed Endpoints change often and are none of ours.
    if (isMirrored(object, service) || isMirrored(was, service)) queue.add(objectKey(object));
  });
  informers.services.onChange(({ object }) => {
    if (informers.endpoints.get(objectKey(object))) queue.add(objectKey(object));
  });
  informers.endpointSlices.onChange(({ type, object: { metadata } }) => {
    const name = metadata.labels?.[serviceNameLabel];
    const ours = metadata.labels?.[managedByLabel] === mirrorManagedBy;
    if (type !== "added" && ours && name) queue.add(`${metadata.namespace}/${name}`);
  });
  return queue;
}
