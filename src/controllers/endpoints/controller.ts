/** Keeps the Endpoints object of every Service that has a selector: the older form of EndpointSlices. */
import { type Endpoints, objectKey, type Service } from "../../api/object.ts";
import { endpoints as endpointsResource } from "../../api/resource.ts";
import { createWriteThrough } from "../../client/write-through.ts";
import type { WorkQueue } from "../../lib/work-queue.ts";
import { type Context, createQueue, createRecorder, equal, isRace, timestamp } from "../context.ts";
import { commonIndexes } from "../informers.ts";
import { headlessLabel, isHeadless, triggerTimeAnnotation } from "../service-endpoint.ts";
import { createTriggerTimes, podsOf, selectorOf, servicesTouched, triggerTime } from "../service-pods.ts";
import { computeSubsets, truncateSubsets } from "./compute.ts";

const managedByLabel = "endpoints.kubernetes.io/managed-by";
const managedBy = "endpoint-controller";
const overCapacityAnnotation = "endpoints.kubernetes.io/over-capacity";
/** Endpoints that a leader election uses as its lock belong to no Service. */
const leaderAnnotation = "control-plane.alpha.kubernetes.io/leader";

/** The object as it should be; `present` as it is. */
function buildEndpoints(
  service: Service,
  {
    subsets,
    truncated,
    present,
    time,
  }: {
    subsets: Endpoints["subsets"] & {};
    truncated: boolean;
    present: Endpoints | undefined;
    time: string | undefined;
  },
): Endpoints {
  const { name, namespace = "", labels } = service.metadata;
  const {
    [triggerTimeAnnotation]: _,
    [overCapacityAnnotation]: __,
    ...annotations
  } = present?.metadata.annotations ?? {};
  if (time) annotations[triggerTimeAnnotation] = time;
  if (truncated) annotations[overCapacityAnnotation] = "truncated";
  const { [headlessLabel]: ___, ...ownLabels } = labels ?? {};
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: {
      ...(present?.metadata ?? { name, namespace }),
      labels: { ...ownLabels, [managedByLabel]: managedBy, ...(isHeadless(service) ? { [headlessLabel]: "" } : {}) },
      annotations,
    },
    subsets,
  };
}

/** Equal in all that we decide, the trigger time apart. */
function isSame(one: Endpoints, other: Endpoints): boolean {
  const essence = ({ metadata, subsets = [] }: Endpoints) => [
    metadata.labels,
    metadata.annotations?.[overCapacityAnnotation],
    subsets,
  ];
  return equal(essence(one), essence(other));
}

export function startEndpointsController(context: Context): WorkQueue {
  const { client, informers } = context;
  const { services, pods } = informers;
  const written = createWriteThrough(client, endpointsResource, {
    informer: informers.endpoints,
    indexes: commonIndexes,
  });
  const recorder = createRecorder(context, "endpoint-controller");
  const triggers = createTriggerTimes();

  const reconcile = async (key: string): Promise<void> => {
    const service = services.get(key);
    const present = written.get(key);
    if (!service) {
      triggers.clear(key);
      if (present && !present.metadata.annotations?.[leaderAnnotation]) await written.delete(present);
      return;
    }
    if (!selectorOf(service) || service.metadata.deletionTimestamp) return;
    const time = triggers.get(key);
    const { subsets, truncated } = truncateSubsets(computeSubsets(service, podsOf(service, informers)));
    const wanted = buildEndpoints(service, {
      subsets,
      truncated,
      present,
      time: time ? timestamp(Date.parse(time)) : undefined,
    });
    if (!present || !isSame(wanted, present)) await write(service, wanted);
    if (triggers.get(key) === time) triggers.clear(key);
  };

  const write = async (service: Service, wanted: Endpoints): Promise<void> => {
    const { resourceVersion } = wanted.metadata;
    try {
      await (resourceVersion ? written.update(wanted) : written.create(wanted));
    } catch (error) {
      if (!isRace(error)) {
        const reason = resourceVersion ? "FailedToUpdateEndpoint" : "FailedToCreateEndpoint";
        const message = `Failed to ${resourceVersion ? "update" : "create"} endpoint ${objectKey(service)}: ${(error as Error).message}`;
        recorder.record(wanted, { type: "Warning", reason, message });
      }
      throw error;
    }
  };

  const queue = createQueue(context, { name: "endpoints", reconcile });
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
  informers.endpoints.onChange(({ object }) => {
    if (services.get(objectKey(object))) queue.add(objectKey(object));
  });
  // Those whose Service went while no controller ran. (Later ones without a Service are somebody's own: left alone.)
  void context.synced.then(() => {
    for (const object of informers.endpoints.list()) queue.add(objectKey(object));
  });
  return queue;
}
