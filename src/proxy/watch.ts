/** Feeds the tracker and the settings from the API. */
import type { EndpointSlice, KubeObject, Node, Service, ServiceCIDR } from "../api/object.ts";
import { objectKey } from "../api/object.ts";
import type { Change } from "../client/client.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { sleep } from "../lib/sleep.ts";
import { parseCidr } from "../net/cidr.ts";
import { familyOf } from "../net/ip.ts";
import { type ProxyConfig, settingsOf } from "./config/effective.ts";
import type { Feed } from "./feed.ts";
import type { Health } from "./health.ts";
import type { Informers } from "./informers.ts";
import type { ProxyMetrics } from "./metrics.ts";
import { nodeFacts } from "./node-facts.ts";
import { triggerAnnotation } from "./shapes.ts";
import type { NodeFacts } from "./state.ts";
import type { Syncer } from "./syncer.ts";
import type { Tracker } from "./tracker.ts";

/** How long a Node may be without podCIDRs when they tell what a Pod is. */
const podCidrWaitMs = 5 * 60_000;
/** Without the ServiceCIDRs the first rules would be others than those that a former process left. */
const serviceCidrWaitMs = 1_000;

export interface Watching {
  readonly informers: Informers;
  readonly nodeName: string;
  readonly config: ProxyConfig;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly tracker: Tracker;
  readonly syncer: Syncer;
  readonly metrics: ProxyMetrics;
  readonly health: Health;
}

/** Resolves after the first sync; no packet is touched before Services, EndpointSlices and the Node are complete. */
export async function watch(context: Watching): Promise<void> {
  const { informers, nodeName, signal, syncer, clock } = context;
  const configuration = new Configuration(context);
  follow(informers.services, serviceCollection(context), context);
  follow(informers.slices, sliceCollection(context), context);
  informers.nodes.onChange((change: Change<Node>) => {
    if (change.object.metadata.name === nodeName)
      configuration.setNode(change.type === "deleted" ? undefined : change.object);
  });
  informers.cidrs.onChange((change) => configuration.setServiceCidr(change));
  await informers.nodes.synced;
  await configuration.known();
  // Not for ever: an API server that has no such kind, or does not show it, must not hold back Services.
  await Promise.race([informers.cidrs.synced, sleep(serviceCidrWaitMs, { clock, signal })]);
  await syncer.adopt(informers.nodes.get(nodeName));
  await Promise.all([informers.services.synced, informers.slices.synced]);
  await syncer.start();
}

/** Objects of one kind, as the tracker keeps them. */
interface Collection<T> {
  readonly metric: "service" | "endpoint";
  keys(): Iterable<string>;
  /** False when nothing has changed by it. */
  put(object: T): boolean;
  remove(key: string): boolean;
}

function follow<T extends KubeObject>(feed: Feed<T>, kept: Collection<T>, { metrics, syncer }: Watching): void {
  const tell = (isChange: boolean) => {
    if (!isChange) return;
    metrics.changed(kept.metric);
    syncer.changed();
  };
  feed.into({
    put: (object) => tell(kept.put(object)),
    remove: (last) => tell(kept.remove(objectKey(last))),
    replace(objects) {
      const wanted = new Set(objects.map(objectKey));
      for (const key of [...kept.keys()]) if (!wanted.has(key)) tell(kept.remove(key));
      for (const object of objects) tell(kept.put(object));
    },
  });
}

const serviceCollection = ({ config, tracker }: Watching): Collection<Service> => ({
  metric: "service",
  keys: () => tracker.serviceKeys(),
  put: (service) => tracker.setService(config.allowServiceExternalIPs ? service : withoutExternalIps(service)),
  remove: (key) => tracker.removeService(key),
});

function withoutExternalIps(service: Service): Service {
  const { externalIPs: _, ...spec } = service.spec;
  return { ...service, spec };
}

const sliceCollection = ({ tracker, syncer }: Watching): Collection<EndpointSlice> => ({
  metric: "endpoint",
  keys: () => tracker.sliceKeys(),
  put(slice) {
    const isChange = tracker.setSlice(slice);
    if (isChange) syncer.triggered(triggerTime(slice), slice.addressType);
    return isChange;
  },
  remove: (key) => tracker.removeSlice(key),
});

function triggerTime({ metadata }: EndpointSlice): number | undefined {
  const time = Date.parse(metadata.annotations?.[triggerAnnotation] ?? "");
  return Number.isNaN(time) ? undefined : time;
}

/** Blocks that hold no address of the families that the Node has tell no Pod from others: all of them would be masqueraded. */
function familyFault({ detectLocalMode, clusterCIDR }: ProxyConfig, node: NodeFacts): string | undefined {
  const blocks = { ClusterCIDR: clusterCIDR, NodeCIDR: node.podCidrs }[detectLocalMode as string] ?? [];
  const families = new Set(node.addresses.map(familyOf));
  if (blocks.length === 0 || families.size === 0) return undefined;
  if (blocks.some((block) => families.has(parseCidr(block)?.ip.family))) return undefined;
  const name = detectLocalMode === "ClusterCIDR" ? "clusterCIDR" : "spec.podCIDRs";
  return `Cannot use ${name} "${blocks.join(",")}": Node "${node.name}" has ${[...families].join(" and ")} addresses only`;
}

/** What holds for all Services: from the configuration, the Node, and the cluster's ServiceCIDRs. */
class Configuration {
  readonly #context: Watching;
  #node: NodeFacts;
  /** By name: a block may stand in several objects. */
  readonly #serviceCidrs = new Map<string, readonly string[]>();
  readonly #isKnown = Promise.withResolvers<void>();

  constructor(context: Watching) {
    this.#context = context;
    this.#node = nodeFacts(context.nodeName, undefined, context.config.bindAddress);
    this.#apply();
  }

  setNode(node: Node | undefined): void {
    const { nodeName, config, health, syncer } = this.#context;
    health.setNode(node);
    const facts = nodeFacts(nodeName, node, config.bindAddress);
    // A Node that is gone for a moment keeps its blocks: without them its Pods would be masqueraded.
    this.#node = facts.podCidrs.length > 0 ? facts : { ...facts, podCidrs: this.#node.podCidrs };
    syncer.node(this.#node);
    this.#apply();
  }

  setServiceCidr(change: Change<ServiceCIDR>): void {
    const { metadata, spec } = change.object;
    if (change.type === "deleted") this.#serviceCidrs.delete(metadata.name);
    else this.#serviceCidrs.set(metadata.name, spec.cidrs ?? []);
    this.#apply();
  }

  /** Resolves when it is known what a Pod is; throws when the Node gets no podCIDRs, or blocks of the wrong family. */
  async known(): Promise<void> {
    this.#warn();
    await this.#podCidrs();
    const fault = familyFault(this.#context.config, this.#node);
    if (fault) throw new RangeError(fault);
  }

  async #podCidrs(): Promise<void> {
    const { config, clock, log, nodeName } = this.#context;
    if (config.detectLocalMode !== "NodeCIDR" || this.#node.podCidrs.length > 0) return;
    log.info("waiting for the Node's podCIDRs", { node: nodeName });
    const cancel = clock.after(podCidrWaitMs, () =>
      this.#isKnown.reject(
        new RangeError(
          `Node "${nodeName}" has no spec.podCIDRs after ${podCidrWaitMs / 60_000} minutes: detectLocalMode NodeCIDR needs them`,
        ),
      ),
    );
    await this.#isKnown.promise;
    cancel();
  }

  #apply(): void {
    const { config, syncer } = this.#context;
    syncer.configure(settingsOf(config, this.#node, [...this.#serviceCidrs.values()].flat()));
    if (this.#node.podCidrs.length > 0) this.#isKnown.resolve();
  }

  /** P113: without a way to know Pods, one with policy Local has no endpoint here is not served from this node's Pods. */
  #warn(): void {
    const { config, log } = this.#context;
    if (config.detectLocalMode === "ClusterCIDR" && config.clusterCIDR.length === 0)
      log.warn(
        "nothing tells Pods from others: set clusterCIDR or another detectLocalMode, else Pods of this node do not reach Services with externalTrafficPolicy Local by their outside addresses when no endpoint is here",
      );
  }
}
