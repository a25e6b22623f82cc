/** The proxy: objects in, forwarding rules out. informers → tracker → data plane → report. */
import type { EndpointSlice, Node, Service } from "../api/object.ts";
import { objectKey } from "../api/object.ts";
import { endpointSlices, nodes, services } from "../api/resource.ts";
import type { ApiClient, Change } from "../client/client.ts";
import { createEventRecorder } from "../client/events.ts";
import { createInformer } from "../client/informer.ts";
import { type Conntrack, openConntrack } from "../kernel/conntrack/conntrack.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { canonicalIp } from "../net/ip.ts";
import type { DataPlane } from "./backends/port.ts";
import { defaultConfig, type ProxyConfig, settingsOf, validateConfig } from "./config.ts";
import { Health } from "./health.ts";
import { createProxyMetrics, type ProxyMetrics } from "./metrics.ts";
import { serveHealth, serveMetrics } from "./server.ts";
import type { NodeFacts } from "./state.ts";
import { createSyncer, type Syncer } from "./syncer.ts";
import { Tracker } from "./tracker.ts";

export interface ProxyOptions {
  readonly client: ApiClient;
  readonly nodeName: string;
  readonly config?: Partial<ProxyConfig>;
  readonly log: Log;
  /** Ends the proxy; the rules stay. */
  readonly signal: AbortSignal;
  /** From `chooseDataPlane`. */
  readonly dataPlane: DataPlane;
  readonly conntrack?: Conntrack;
  readonly metrics?: ProxyMetrics;
  readonly clock?: Clock;
}

export interface RunningProxy {
  /** Resolves when the rules of everything that was there at the start are in the kernel. */
  readonly ready: Promise<void>;
  /** Resolves when no change waits. */
  idle(): Promise<void>;
}

const proxyNameLabel = "service.kubernetes.io/service-proxy-name";
const headlessLabel = "service.kubernetes.io/headless";
const triggerAnnotation = "endpoints.kubernetes.io/last-change-trigger-time";

/** Starts at once; throws RangeError for a config that cannot be used. */
export function startProxy(options: ProxyOptions): RunningProxy {
  const config: ProxyConfig = { ...defaultConfig, ...options.config };
  const fault = validateConfig(config);
  if (fault) throw new RangeError(fault);
  const { client, nodeName, dataPlane, log, signal, clock = systemClock } = options;
  const metrics = options.metrics ?? createProxyMetrics();
  const health = new Health(2 * config.syncPeriodMs);
  const tracker = new Tracker(nodeFacts(nodeName, undefined));
  const recorder = createEventRecorder(client, { component: "kube-proxy", host: nodeName, log });
  const syncer = createSyncer({
    tracker,
    dataPlane,
    conntrack: options.conntrack ?? openConntrack(),
    metrics,
    health,
    recorder,
    clock,
    log,
    signal,
    minIntervalMs: config.minSyncPeriodMs,
    settingsOf: (node) => settingsOf(config, node),
  });
  const ready = watch({ client, nodeName, log, signal, clock, tracker, syncer, metrics, health });
  const serverOptions = { health, metrics, mode: dataPlane.mode, pages: dataPlane.pages, config, clock, log, signal };
  serveHealth(config.healthzBindAddress, serverOptions);
  serveMetrics(config.metricsBindAddress, serverOptions);
  return { ready, idle: () => syncer.idle() };
}

interface Watching extends Pick<ProxyOptions, "client" | "nodeName" | "log" | "signal"> {
  readonly clock: Clock;
  readonly tracker: Tracker;
  readonly syncer: Syncer;
  readonly metrics: ProxyMetrics;
  readonly health: Health;
}

/** Feeds the tracker; nothing is written before all three lists are complete. */
async function watch(context: Watching): Promise<void> {
  const { client, nodeName, log, signal, tracker, syncer, metrics, health } = context;
  const common = { log, signal };
  const serviceInformer = createInformer(client, services, { ...common, labelSelector: `!${proxyNameLabel}` });
  const sliceInformer = createInformer(client, endpointSlices, { ...common, labelSelector: `!${headlessLabel}` });
  const nodeInformer = createInformer(client, nodes, { ...common, fieldSelector: `metadata.name=${nodeName}` });
  serviceInformer.onChange((change: Change<Service>) => {
    metrics.changed("service");
    if (change.type === "deleted") tracker.removeService(objectKey(change.object));
    else tracker.setService(change.object);
    syncer.changed();
  });
  sliceInformer.onChange((change: Change<EndpointSlice>) => {
    metrics.changed("endpoint");
    if (change.type === "deleted") tracker.removeSlice(objectKey(change.object));
    else {
      tracker.setSlice(change.object);
      syncer.triggered(triggerTime(change.object), change.object.addressType);
    }
    syncer.changed();
  });
  nodeInformer.onChange((change: Change<Node>) => {
    if (change.object.metadata.name !== nodeName) return;
    const node = change.type === "deleted" ? undefined : change.object;
    health.setNode(node);
    syncer.node(nodeFacts(nodeName, node));
  });
  await Promise.all([serviceInformer.synced, sliceInformer.synced, nodeInformer.synced]);
  await syncer.start(nodeInformer.get(nodeName));
}

/** InternalIP addresses first: they are the node's primary ones. */
function nodeFacts(name: string, node: Node | undefined): NodeFacts {
  const ranks: Readonly<Record<string, number>> = { InternalIP: 0, ExternalIP: 1 };
  const addresses = (node?.status?.addresses ?? [])
    .filter(({ type }) => type in ranks)
    .sort((a, b) => (ranks[a.type] ?? 0) - (ranks[b.type] ?? 0))
    .map(({ address }) => canonicalIp(address))
    .filter((address) => address !== undefined);
  return { name, zone: node?.metadata.labels?.["topology.kubernetes.io/zone"], addresses: [...new Set(addresses)] };
}

function triggerTime({ metadata }: EndpointSlice): number | undefined {
  const time = Date.parse(metadata.annotations?.[triggerAnnotation] ?? "");
  return Number.isNaN(time) ? undefined : time;
}
