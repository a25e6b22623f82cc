/** Turns changes into few transactions: what came in during one turn of the event loop goes to the kernel together. */
import { isDeepStrictEqual } from "node:util";
import type { KubeObject } from "../api/object.ts";
import type { EventRecorder } from "../client/events.ts";
import type { Conntrack } from "../kernel/conntrack/conntrack.ts";
import { createBackoff } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import { coalesce } from "../lib/coalesce.ts";
import type { Log } from "../lib/log.ts";
import type { Changes, DataPlane, Report, Settings } from "./backends/port.ts";
import type { Health } from "./health.ts";
import { HealthCheckServers } from "./health-checks.ts";
import type { ProxyMetrics } from "./metrics.ts";
import { deleteStaleFlows, type FlowCheck, flowChecks } from "./stale-flows.ts";
import type { NodeFacts, ServicePort } from "./state.ts";
import type { ServiceChanges, Tracker } from "./tracker.ts";

const isUdp = ({ protocol }: ServicePort): boolean => protocol === "UDP";

/** How often somebody else's changes to the rules are looked for: one cheap question to the kernel. */
const verifyIntervalMs = 1_000;

export interface SyncerOptions {
  readonly tracker: Tracker;
  readonly dataPlane: DataPlane;
  readonly conntrack: Conntrack;
  readonly metrics: ProxyMetrics;
  readonly health: Health;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly minIntervalMs: number;
}

export interface Syncer {
  /** The tracker has something new. */
  changed(): void;
  /** An endpoint's change, known to have happened at this time, is among it. */
  triggered(atMs: number | undefined, family: string): void;
  node(facts: NodeFacts): void;
  /** What holds for all Services; the same again is no change. Must be known before the start. */
  configure(settings: Settings): void;
  /** A fault for the log and an Event: on `object`, else on the Node. */
  complain(reason: string, message: string, object?: KubeObject): void;
  /** What holds for all Services is known: adopts, and may begin with the Services that are known by now. `node` is for Events. */
  adopt(node: KubeObject | undefined): Promise<void>;
  /** All lists are complete: writes everything for the first time, and then each change. */
  start(): Promise<void>;
  idle(): Promise<void>;
}

export function createSyncer(options: SyncerOptions): Syncer {
  return new DataPlaneSyncer(options);
}

class DataPlaneSyncer implements Syncer {
  readonly #options: SyncerOptions;
  readonly #coalescer;
  readonly #startedAt: number;
  readonly #firstSync = Promise.withResolvers<void>();
  /** Present until they are written. */
  #settings: Settings | undefined;
  #present: Settings | undefined;
  /** What a fault in the data plane left undone. */
  #undone: ServiceChanges = new Map();
  /** How the time is used in which the lists come; first it must be known what a former process left. */
  #begin = () => {};
  #hasLoaded = false;
  #isStarted = false;
  #isFirst = true;
  /** The data plane has changes that do not hold yet. */
  #isBehind = true;
  #isScheduled = false;
  #wantsVerify = false;
  #cancelVerify = () => {};
  #cancelRetry = () => {};
  readonly #backoff = createBackoff({ initialMs: 20, maxMs: 30_000, jitter: 0.2 });
  #triggers: { atMs: number; family: string }[] = [];
  #eventObject: KubeObject | undefined;
  /** What each Service with a UDP port had, to know what a change gave up. */
  readonly #udpPorts = new Map<string, readonly ServicePort[]>();
  readonly #flowChecks: FlowCheck[] = [];
  readonly #healthChecks: HealthCheckServers;
  readonly #toldConflicts = new Map<string, string>();
  /** Services whose health check may be another one once the rules hold. */
  readonly #unchecked = new Set<string>();

  constructor(options: SyncerOptions) {
    this.#options = options;
    const { clock, log, signal, minIntervalMs } = options;
    this.#startedAt = clock.now();
    this.#healthChecks = new HealthCheckServers({
      isHealthy: () => options.health.isHealthy(clock.elapsed()),
      onFailure: (service, { message }) => {
        const text = `Cannot serve the health check of ${service}: ${message}`;
        this.complain("FailedToStartServiceHealthcheck", text, options.tracker.service(service));
      },
      now: () => clock.elapsed(),
    });
    this.#coalescer = coalesce({ run: () => this.#run(), clock, log, signal, minIntervalMs });
    signal.addEventListener("abort", () => this.#close(), { once: true });
  }

  changed(): void {
    const { health, metrics, clock } = this.#options;
    if (this.#isStarted) {
      health.queued(clock.elapsed());
      metrics.queued();
    }
    if (this.#isScheduled) return;
    // All events of one piece of the watch's answer come before this: they go into one transaction.
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (this.#isStarted) this.#coalescer.trigger();
      else this.#begin();
    });
  }

  triggered(atMs: number | undefined, family: string): void {
    if (atMs !== undefined && atMs >= this.#startedAt) this.#triggers.push({ atMs, family });
  }

  node(facts: NodeFacts): void {
    if (this.#options.tracker.setNode(facts)) this.changed();
  }

  configure(settings: Settings): void {
    if (isDeepStrictEqual(settings, this.#present)) return;
    this.#present = settings;
    this.#settings = settings;
    this.changed();
  }

  async adopt(node: KubeObject | undefined): Promise<void> {
    const { dataPlane, log, tracker } = this.#options;
    this.#eventObject = node;
    const found = await dataPlane.adopt();
    log.info("adopted", found);
    const isNew = Object.values(found).every((count) => count === 0);
    this.#begin = dataPlane.load && isNew ? () => this.#load() : () => tracker.prepare();
    this.changed();
  }

  async start(): Promise<void> {
    this.#isStarted = true;
    this.changed();
    this.#scheduleVerify();
    await this.#firstSync.promise;
  }

  async idle(): Promise<void> {
    if (this.#isScheduled) await new Promise((resolve) => setImmediate(resolve));
    await this.#coalescer.idle();
  }

  #load(): void {
    const { dataPlane, signal } = this.#options;
    const settings = this.#settings;
    if (!settings || signal.aborted) return;
    const services = this.#compute({ wholeOnly: true });
    if (services.size === 0) return;
    try {
      dataPlane.load?.({ services, settings });
      this.#hasLoaded = true;
    } catch {
      // The first sync meets the same fault, and tells it.
      this.#undone = new Map([...this.#undone, ...services]);
    }
  }

  #compute(options?: { wholeOnly: boolean }): ServiceChanges {
    const services = this.#options.tracker.compute(options);
    this.#noteFlows(services);
    this.#options.metrics.computed(services);
    for (const service of services.keys()) {
      this.#unchecked.add(service);
      this.#tellConflicts(service);
    }
    return services;
  }

  async #run(): Promise<void> {
    const computed = this.#compute();
    const services = this.#undone.size > 0 ? new Map([...this.#undone, ...computed]) : computed;
    const settings = this.#settings;
    if (settings) this.#healthChecks.setAddresses(settings.nodePortCidrs);
    if (services.size > 0 || settings || this.#isBehind)
      await this.#sync({ services, ...(settings ? { settings } : {}) });
    if (this.#wantsVerify) await this.#verify();
  }

  async #sync(changes: Pick<Changes, "services" | "settings">): Promise<void> {
    const isFirst = this.#isFirst;
    const triggers = this.#triggers;
    this.#triggers = [];
    this.#isBehind = true;
    this.#undone = changes.services;
    const { dataPlane, tracker } = this.#options;
    const report = await dataPlane.sync({
      ...changes,
      full: isFirst && !this.#hasLoaded,
      everything: () => tracker.everything(),
    });
    this.#undone = new Map();
    this.#isFirst = false;
    if (changes.settings === this.#settings) this.#settings = undefined;
    this.#observe(report, { isFirst, triggers });
  }

  #observe(
    report: Report,
    { isFirst, triggers }: { isFirst: boolean; triggers: { atMs: number; family: string }[] },
  ): void {
    const { metrics, health, clock, log } = this.#options;
    metrics.synced(report, isFirst);
    const failed = report.families.filter(({ error }) => error);
    for (const { error } of failed) if (error) this.complain("FailedToSyncRules", error.message);
    for (const { family, error } of report.families) if (!error) health.updated(clock.now(), family);
    // One family's failure must not hold back the other: no wait before the next change, only before a retry of nothing new.
    if (failed.length > 0) this.#scheduleRetry();
    if (failed.length === report.families.length) return;
    for (const { family, refused } of report.families) {
      for (const service of refused)
        this.complain("ServiceRefused", `The kernel refuses rules of ${service} (${family})`);
    }
    if (failed.length === 0) {
      this.#isBehind = false;
      this.#backoff.reset();
    }
    for (const { atMs, family } of triggers) metrics.programmed(atMs, family);
    if (isFirst)
      log.info("rules are in place", {
        families: report.families.map(({ family, added, removed }) => `${family}: +${added} -${removed}`).join(", "),
      });
    for (const service of this.#unchecked) this.#healthChecks.set(service, this.#options.tracker.healthCheck(service));
    this.#unchecked.clear();
    this.#firstSync.resolve();
    if (this.#flowChecks.length > 0) setImmediate(() => this.#deleteFlows());
  }

  #scheduleRetry(): void {
    this.#cancelRetry();
    this.#cancelRetry = this.#options.clock.after(this.#backoff.next(), () => this.#coalescer.trigger());
  }

  /** Only after the rules are written: a flow that begins before would be stale at once. */
  #deleteFlows(): void {
    const { conntrack, metrics, log, signal } = this.#options;
    if (signal.aborted) return;
    try {
      const start = performance.now();
      const deleted = deleteStaleFlows(conntrack, this.#flowChecks.splice(0));
      metrics.flowsCleaned({ deleted, durationMs: performance.now() - start });
    } catch (error) {
      log.warn("cannot delete stale UDP flows", { error });
    }
  }

  /** Once for each message, however often the Service's endpoints change. */
  #tellConflicts(service: string): void {
    const { tracker, recorder } = this.#options;
    const found = tracker.conflicts(service);
    const message = found?.messages.join("; ") ?? "";
    if ((this.#toldConflicts.get(service) ?? "") === message) return;
    if (message) this.#toldConflicts.set(service, message);
    else this.#toldConflicts.delete(service);
    if (found) recorder.record(found.object, { type: "Warning", reason: "AddressInUse", message });
  }

  #noteFlows(services: ServiceChanges): void {
    for (const [service, ports] of services) {
      if (this.#udpPorts.size === 0 && !ports.some(isUdp)) continue;
      const after = ports.filter(isUdp);
      const before = this.#udpPorts.get(service) ?? [];
      if (after.length > 0) this.#udpPorts.set(service, after);
      else this.#udpPorts.delete(service);
      this.#flowChecks.push(...flowChecks(before, after));
    }
  }

  #scheduleVerify(): void {
    if (this.#options.signal.aborted) return;
    this.#cancelVerify = this.#options.clock.after(verifyIntervalMs, () => {
      this.#healthChecks.refresh();
      this.#wantsVerify = true;
      this.#coalescer.trigger();
      this.#scheduleVerify();
    });
  }

  async #verify(): Promise<void> {
    const { dataPlane, log, metrics } = this.#options;
    this.#wantsVerify = false;
    const report = await dataPlane.verify();
    if (!report) return;
    metrics.synced(report, true);
    for (const { family, added, removed, error } of report.families) {
      if (error) this.complain("FailedToRepairRules", error.message);
      else log.warn("rules were changed by somebody else and are put right", { family, added, removed });
    }
  }

  complain(reason: string, message: string, object = this.#eventObject): void {
    const { recorder, log } = this.#options;
    log.error(message, { reason });
    if (object) recorder.record(object, { type: "Warning", reason, message });
  }

  #close(): void {
    this.#cancelVerify();
    this.#cancelRetry();
    this.#healthChecks.close();
    this.#options.dataPlane.close();
    this.#options.conntrack.close();
  }
}
