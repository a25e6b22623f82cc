/** Says of ServiceCIDRs that they are ready, and keeps those that are deleted until no Service needs them. */
import type { ServiceCIDR } from "../../api/object.ts";
import { serviceCidrs as resource } from "../../api/resource.ts";
import type { Again, WorkQueue } from "../../lib/work-queue.ts";
import { type Context, createQueue, timestamp } from "../context.ts";
import { isInUse } from "./compute.ts";

export const finalizer = "networking.k8s.io/service-cidr-finalizer";
/** The API server may be giving out an address of a range whose deletion it has not seen yet. */
const graceMs = 1_000;

export function startServiceCidrController(context: Context): WorkQueue {
  const { client, clock, informers } = context;
  const { serviceCidrs, services } = informers;

  const setReady = async (range: ServiceCIDR, status: "True" | "False", why: { reason: string; message: string }) => {
    const conditions = range.status?.conditions ?? [];
    if (conditions.some((one) => one.type === "Ready" && one.status === status)) return;
    const ready = { type: "Ready", status, ...why, lastTransitionTime: timestamp(clock.now()) };
    const next = { ...range, status: { conditions: [...conditions.filter(({ type }) => type !== "Ready"), ready] } };
    await client.update(resource, next, { subresource: "status" });
  };

  const release = async (range: ServiceCIDR): Promise<Again | undefined> => {
    const { finalizers = [], deletionTimestamp = "" } = range.metadata;
    if (!finalizers.includes(finalizer)) return undefined;
    if (isInUse(range, serviceCidrs.list(), services.list())) {
      const message =
        "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";
      await setReady(range, "False", { reason: "Terminating", message });
      return undefined;
    }
    const leftMs = Date.parse(deletionTimestamp) + graceMs - clock.now();
    if (leftMs > 0) return { afterMs: leftMs };
    const metadata = { ...range.metadata, finalizers: finalizers.filter((one) => one !== finalizer) };
    await client.update(resource, { ...range, metadata });
    return undefined;
  };

  const reconcile = async (name: string): Promise<Again | undefined> => {
    const range = serviceCidrs.get(name);
    if (!range) return undefined;
    const { finalizers = [], deletionTimestamp } = range.metadata;
    if (deletionTimestamp) return release(range);
    if (finalizers.includes(finalizer)) {
      await setReady(range, "True", { reason: "", message: "Kubernetes Service CIDR is ready" });
      return undefined;
    }
    await client.update(resource, {
      ...range,
      metadata: { ...range.metadata, finalizers: [...finalizers, finalizer] },
    });
    return undefined;
  };

  const queue = createQueue(context, { name: "service-cidr", reconcile });
  const addGoing = () => {
    for (const { metadata } of serviceCidrs.list()) if (metadata.deletionTimestamp) queue.add(metadata.name);
  };
  serviceCidrs.onChange(({ object }) => {
    queue.add(object.metadata.name);
    addGoing();
  });
  services.onChange(({ type }) => {
    if (type === "deleted") addGoing();
  });
  return queue;
}
