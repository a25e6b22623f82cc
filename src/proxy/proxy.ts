/** The proxy: objects in, forwarding rules out. informers → tracker → data plane → report. */
import type { KubeObject, Node } from "../api/object.ts";
import type { ApiClient } from "../client/client.ts";
import { createEventRecorder } from "../client/events.ts";
import { type Conntrack, openConntrack } from "../kernel/conntrack/conntrack.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { sleep } from "../lib/sleep.ts";
import type { DataPlane } from "./backends/port.ts";
import { defaultConfig, type ProxyConfig } from "./config/effective.ts";
import { validateConfig } from "./config/validate.ts";
import { Health } from "./health.ts";
import { type Informers, startInformers } from "./informers.ts";
import { createProxyMetrics, type ProxyMetrics } from "./metrics.ts";
import { nodeFacts } from "./node-facts.ts";
import { serveHealth, serveMetrics } from "./server.ts";
import { createSyncer } from "./syncer.ts";
import { Tracker } from "./tracker.ts";
import { watch } from "./watch.ts";

export interface ProxyOptions {
  readonly client: ApiClient;
  readonly nodeName: string;
  readonly config?: Partial<ProxyConfig>;
  readonly log: Log;
  /** Ends the proxy; the rules stay. */
  readonly signal: AbortSignal;
  /** From `chooseDataPlane`. */
  readonly dataPlane: DataPlane;
  /** Why this data plane: for the log, an Event and /proxyMode/reason. */
  readonly modeReason?: string;
  /** What /configz shows; default: the config. */
  readonly configz?: unknown;
  readonly conntrack?: Conntrack;
  readonly metrics?: ProxyMetrics;
  readonly clock?: Clock;
  /** Started already, for the same client, Node, config and signal. */
  readonly informers?: Informers;
}

export interface RunningProxy {
  /** Resolves when the rules of everything that was there at the start are in the kernel; throws when that cannot be. */
  readonly ready: Promise<void>;
  /** Throws when the proxy cannot go on: an address is taken and `bindAddressHardFail` is set. */
  readonly failed: Promise<never>;
  /** Resolves when no change waits. */
  idle(): Promise<void>;
}

/** Listeners and the first Event take 20 ms, which is time of the first rules: they come after these, or when these take longer than this. */
const appearAfterMs = 5_000;

/** Sockets of the mode userspace are not translated: there are no flows to look for. */
const noFlows: Conntrack = { flows: () => [], delete: () => false, close: () => {} };

/** Starts at once; throws RangeError for a config that cannot be used. */
export function startProxy(options: ProxyOptions): RunningProxy {
  const config: ProxyConfig = { ...defaultConfig, ...options.config };
  const fault = validateConfig(config);
  if (fault) throw new RangeError(fault);
  const { client, nodeName, dataPlane, log, signal, clock = systemClock } = options;
  const metrics = options.metrics ?? createProxyMetrics(dataPlane);
  const health = new Health(2 * config.syncPeriodMs, dataPlane.families);
  const tracker = new Tracker(nodeFacts(nodeName, undefined));
  const recorder = createEventRecorder(client, { component: "kube-proxy", host: nodeName, log });
  const syncer = createSyncer({
    tracker,
    dataPlane,
    conntrack: options.conntrack ?? (dataPlane.mode === "userspace" ? noFlows : openConntrack()),
    metrics,
    health,
    recorder,
    clock,
    log,
    signal,
    minIntervalMs: config.minSyncPeriodMs,
  });
  const reason = options.modeReason ?? "as told";
  const nodeObject = nodeReference(nodeName);
  const informers = options.informers ?? startInformers({ client, nodeName, log, signal });
  const ready = watch({ informers, nodeName, config, log, signal, clock, tracker, syncer, metrics, health });
  const failed = Promise.withResolvers<never>();
  const failure = (reason: string) => (error: Error) => {
    syncer.complain(reason, error.message, nodeObject);
    // The Event is on its way before the end.
    if (config.bindAddressHardFail) void recorder.flush().then(() => failed.reject(error));
  };
  const common = {
    health,
    metrics,
    mode: dataPlane.mode,
    modeReason: reason,
    pages: dataPlane.pages,
    config: options.configz ?? config,
    clock,
    log,
    signal,
  };
  const appear = () => {
    serveHealth(config.healthzBindAddress, { ...common, onFailure: failure("FailedToStartProxierHealthcheck") });
    serveMetrics(config.metricsBindAddress, { ...common, onFailure: failure("FailedToStartMetricServer") });
    const message = `Proxy mode ${dataPlane.mode} (${reason})`;
    recorder.record(nodeObject, { type: "Normal", reason: "Starting", message });
  };
  void Promise.race([ready.catch(() => {}), sleep(appearAfterMs, { clock, signal })]).then(appear);
  failed.promise.catch(() => {});
  return { ready, failed: failed.promise, idle: () => syncer.idle() };
}

/** For Events before the Node is known; as kubelet and kube-proxy do, the name stands for the uid. */
function nodeReference(name: string): KubeObject {
  return { apiVersion: "v1", kind: "Node", metadata: { name, uid: name } } as Node;
}
