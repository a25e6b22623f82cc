/** Metrics, under kube-proxy's names so that its dashboards work. */
import { Counter, Histogram, labelText } from "../lib/metrics-text.ts";
import type { DataPlane, FamilyReport, Report } from "./backends/port.ts";
import { ofFamily, scrapeText } from "./scrape.ts";
import type { ServicePort } from "./state.ts";
import type { ServiceChanges } from "./tracker.ts";

/** From 1 ms to 16 s. */
const syncBuckets = Array.from({ length: 15 }, (_, n) => 0.001 * 2 ** n);
const range = (from: number, to: number, step: number) =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, n) => from + n * step);
/** As SIG Scalability defines the network programming latency. */
const programmingBuckets = [0.25, 0.5, ...range(1, 59, 1), ...range(60, 115, 5), ...range(120, 300, 30)];
const kernelBuckets = [0.00005, 0.0001, 0.00025, 0.0005, ...syncBuckets];

export interface ProxyMetrics {
  queued(): void;
  synced(report: Report, isFull: boolean): void;
  changed(kind: "service" | "endpoint"): void;
  /** The new state of these Services is on its way to the kernel: no change of theirs is pending. */
  computed(services: ServiceChanges): void;
  /** `triggeredAt`: when the endpoints of a Service changed, in ms since the epoch. */
  programmed(triggeredAt: number, family: string): void;
  flowsCleaned(result: { readonly deleted: Readonly<Record<string, number>>; readonly durationMs: number }): void;
  answered(path: "healthz" | "livez", code: number): void;
  /** The text of a scrape. */
  format(): Promise<string>;
}

/** Metrics of one mode only are there in that mode only; `plane` counts some of them itself. */
export function createProxyMetrics(plane: Pick<DataPlane, "mode" | "counters"> = { mode: "nftables" }): ProxyMetrics {
  const seen = new Seen();
  return {
    queued: () => {
      seen.queuedAt = Date.now() / 1000;
    },
    synced: (report, isFull) => {
      for (const one of report.families) seen.synced(one, isFull);
    },
    changed: (kind) => {
      seen.changes[kind].total++;
      seen.changes[kind].pending++;
    },
    computed: (services) => {
      for (const one of Object.values(seen.changes)) one.pending = 0;
      seen.withoutLocal.set(services);
    },
    programmed: (triggeredAt, family) => seen.programming.observe(ofFamily(family), (Date.now() - triggeredAt) / 1000),
    flowsCleaned: ({ deleted, durationMs }) => {
      for (const [family, count] of Object.entries(deleted)) {
        seen.deleted.add(ofFamily(family), count);
        seen.cleaning.observe(ofFamily(family), durationMs / 1000);
      }
    },
    answered: (path, code) => seen[path].add(labelText({ code })),
    format: async () => scrapeText(plane.mode, seen, (await plane.counters?.()) ?? {}),
  };
}

/** All that is counted here. */
export class Seen {
  readonly sync = new Histogram(syncBuckets);
  readonly full = new Histogram(syncBuckets);
  readonly partial = new Histogram(syncBuckets);
  readonly kernel = new Histogram(kernelBuckets);
  readonly cleaning = new Histogram(syncBuckets);
  readonly programming = new Histogram(programmingBuckets);
  readonly failures = new Counter();
  readonly partialFailures = new Counter();
  readonly deleted = new Counter();
  readonly healthz = new Counter();
  readonly livez = new Counter();
  readonly withoutLocal = new WithoutLocal();
  /** Plain numbers: at a start tens of thousands of changes come. */
  readonly changes = { service: { total: 0, pending: 0 }, endpoint: { total: 0, pending: 0 } };
  queuedAt = 0;
  readonly syncedAt = new Map<string, number>();

  synced({ family, durationMs, kernelMs, error }: FamilyReport, isFull: boolean): void {
    const labels = ofFamily(family);
    this.sync.observe(labels, durationMs / 1000);
    this.kernel.observe(labels, kernelMs / 1000);
    (isFull ? this.full : this.partial).observe(labels, durationMs / 1000);
    if (!error) this.syncedAt.set(labels, Date.now() / 1000);
    else this.failures.add(labels);
    if (error && !isFull) this.partialFailures.add(labels);
  }
}

const isDropping = ({ internal, external }: ServicePort): boolean => internal === "drop" || external === "drop";

/** Service ports that have endpoints somewhere and none here, by the policy that wants them here. */
class WithoutLocal {
  /** Service → labels of its ports. */
  readonly #found = new Map<string, readonly string[]>();

  set(services: ServiceChanges): void {
    for (const [service, ports] of services) {
      if (this.#found.size === 0 && !ports.some(isDropping)) continue;
      const now = ports.flatMap(({ family, internal, external }) => [
        ...(internal === "drop" ? [policyLabels(family, "internal")] : []),
        ...(external === "drop" ? [policyLabels(family, "external")] : []),
      ]);
      if (now.length > 0) this.#found.set(service, now);
      else this.#found.delete(service);
    }
  }

  counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const family of ["IPv4", "IPv6"])
      for (const policy of ["internal", "external"]) counts.set(policyLabels(family, policy), 0);
    for (const labels of this.#found.values())
      for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
    return counts;
  }
}

const policyLabels = (ip_family: string, traffic_policy: string): string => labelText({ ip_family, traffic_policy });
