/** Keeps the EndpointSlices of every Service that has a selector. */
import { type Node, objectKey, type Service } from "../../api/object.ts";
import { endpointSlices } from "../../api/resource.ts";
import { createWriteThrough } from "../../client/write-through.ts";
import type { WorkQueue } from "../../lib/work-queue.ts";
import { type Context, createQueue, createRecorder, isRace } from "../context.ts";
import { sliceIndexes } from "../informers.ts";
import { createTriggerTimes, podsOf, selectorOf, servicesOf, servicesTouched, triggerTime } from "../service-pods.ts";
import { computeGroups, type Group } from "./compute.ts";
import { EndpointSliceMetrics } from "./metrics.ts";
import { managedBy, managedByLabel, planSlices, serviceNameLabel } from "./plan.ts";
import { setZoneHints, wantsZoneHints, weightOf } from "./zone-hints.ts";

const zoneLabel = "topology.kubernetes.io/zone";

export function startEndpointSliceController(
  context: Context,
  metrics: EndpointSliceMetrics = new EndpointSliceMetrics(),
): WorkQueue {
  const { client, informers } = context;
  const { services, pods, nodes } = informers;
  const slices = createWriteThrough(client, endpointSlices, {
    informer: informers.endpointSlices,
    indexes: sliceIndexes,
  });
  const recorder = createRecorder(context, "endpoint-slice-controller");
  const triggers = createTriggerTimes();

  /** Why zones get no endpoints of their own, by Service; told once. */
  const hintRefusals = new Map<string, string | undefined>();

  const hintZones = (key: string, service: Service, groups: ReadonlyMap<string, Group>): void => {
    if (!wantsZoneHints(service)) return void hintRefusals.delete(key);
    const reason = setZoneHints(service, groups, nodes.list());
    const isNews = !hintRefusals.has(key) || hintRefusals.get(key) !== reason;
    hintRefusals.set(key, reason);
    if (!isNews) return;
    recorder.record(
      service,
      reason === undefined
        ? {
            ...{ type: "Normal", reason: "TopologyAwareHintsEnabled" },
            message: "Topology Aware Hints has been enabled",
          }
        : { type: "Warning", reason: "TopologyAwareHintsDisabled", message: reason },
    );
  };

  const reconcile = async (key: string): Promise<void> => {
    const service = services.get(key);
    if (!service) hintRefusals.delete(key);
    if (!service || !selectorOf(service)) {
      metrics.forget(key);
      return triggers.clear(key);
    }
    const existing = slices
      .byIndex("service", key)
      .filter(({ metadata }) => metadata.labels?.[managedByLabel] === managedBy);
    const groups = computeGroups(service, { pods: podsOf(service, informers), nodeOf: (name) => nodes.get(name) });
    hintZones(key, service, groups);
    const time = triggers.get(key);
    const plan = planSlices({ service, groups, existing, triggerTime: time });
    try {
      if (!service.metadata.deletionTimestamp) await Promise.all(plan.create.map((slice) => slices.create(slice)));
      await Promise.all(plan.update.map((slice) => slices.update(slice)));
      await Promise.all(plan.delete.map((slice) => slices.delete(slice)));
    } catch (error) {
      metrics.failed(isRace(error) ? "stale" : "error");
      if (!isRace(error)) {
        const message = `Error updating Endpoint Slices for Service ${key}: ${(error as Error).message}`;
        recorder.record(service, { type: "Warning", reason: "FailedToUpdateEndpointSlices", message });
      }
      throw error;
    }
    metrics.synced({ key, service, groups, existing, plan, hinted: wantsZoneHints(service) });
    // A newer trigger that came during the writes is for the next ones.
    if (triggers.get(key) === time) triggers.clear(key);
  };

  const queue = createQueue(context, { name: "endpointslice", reconcile });
  services.onChange(({ type, object }) => {
    if (type === "added") triggers.note(objectKey(object), object.metadata.creationTimestamp);
    queue.add(objectKey(object));
  });
  pods.onChange((change) => {
    for (const key of servicesTouched(change, informers)) {
      triggers.note(key, triggerTime(change));
      queue.add(key);
    }
  });
  const addServicesOf = ({ metadata }: Node) => {
    for (const pod of pods.byIndex("node", metadata.name)) {
      for (const key of servicesOf(pod, informers)) queue.add(key);
    }
  };
  nodes.onChange((change) => {
    if (change.type !== "updated" || weightOf(change.object) !== weightOf(change.old))
      for (const service of services.list()) if (wantsZoneHints(service)) queue.add(objectKey(service));
    const zoneOf = ({ metadata }: Node) => metadata.labels?.[zoneLabel];
    if (change.type !== "updated" || zoneOf(change.object) !== zoneOf(change.old)) addServicesOf(change.object);
  });
  // Someone else changed or removed a slice of ours.
  informers.endpointSlices.onChange(({ type, object: { metadata } }) => {
    const name = metadata.labels?.[serviceNameLabel];
    if (type !== "added" && name && metadata.labels?.[managedByLabel] === managedBy)
      queue.add(`${metadata.namespace}/${name}`);
  });
  return queue;
}
