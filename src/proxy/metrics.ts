/** Metrics, under kube-proxy's names so that its dashboards work. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { FamilyReport, Report } from "./backends/port.ts";

/** From 1 ms to 16 s. */
const syncBuckets = Array.from({ length: 15 }, (_, n) => 0.001 * 2 ** n);
const range = (from: number, to: number, step: number) =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, n) => from + n * step);
/** As SIG Scalability defines the network programming latency. */
const programmingBuckets = [0.25, 0.5, ...range(1, 59, 1), ...range(60, 115, 5), ...range(120, 300, 30)];

export interface ProxyMetrics {
  readonly registry: Registry;
  queued(): void;
  synced(report: Report, isFull: boolean): void;
  changed(kind: "service" | "endpoint"): void;
  /** `triggeredAt`: when the endpoints of a Service changed, in ms since the epoch. */
  programmed(triggeredAt: number, family: string): void;
  flowsDeleted(count: number): void;
  answered(path: "healthz" | "livez", code: number): void;
}

export function createProxyMetrics(registry: Registry = new Registry()): ProxyMetrics {
  const registers = [registry];
  const family = ["ip_family"] as const;
  const histogram = (name: string, help: string, buckets = syncBuckets) =>
    new Histogram({ name: `kubeproxy_${name}`, help, buckets, labelNames: family, registers });
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `kubeproxy_${name}`, help, labelNames: family, registers });
  const counter = (name: string, help: string, labelNames: readonly string[] = []) =>
    new Counter({ name: `kubeproxy_${name}`, help, labelNames: [...labelNames], registers });

  const sync = histogram("sync_proxy_rules_duration_seconds", "Time of one sync");
  const full = histogram("sync_full_proxy_rules_duration_seconds", "Time of one sync of everything");
  const partial = histogram("sync_partial_proxy_rules_duration_seconds", "Time of one sync of what changed");
  const kernel = new Histogram({
    name: "fairlead_proxy_kernel_duration_seconds",
    help: "Part of the time of one sync that the kernel worked",
    buckets: [0.00005, 0.0001, 0.00025, 0.0005, ...syncBuckets],
    labelNames: family,
    registers,
  });
  const programming = histogram(
    "network_programming_duration_seconds",
    "From the change of an endpoint to the kernel",
    programmingBuckets,
  );
  const lastSync = gauge("sync_proxy_rules_last_timestamp_seconds", "When rules were last written");
  const lastQueued = gauge("sync_proxy_rules_last_queued_timestamp_seconds", "When a sync was last asked for");
  const failures = counter("sync_proxy_rules_nftables_sync_failures_total", "Syncs that failed", family);
  const endpointChanges = counter("sync_proxy_rules_endpoint_changes_total", "Changes of EndpointSlices");
  const serviceChanges = counter("sync_proxy_rules_service_changes_total", "Changes of Services");
  const deleted = counter("conntrack_reconciler_deleted_entries_total", "Stale flows deleted", family);
  const healthz = counter("proxy_healthz_total", "Answers of /healthz", ["code"]);
  const livez = counter("proxy_livez_total", "Answers of /livez", ["code"]);

  const observe = (report: FamilyReport, isFull: boolean) => {
    const labels = { ip_family: report.family };
    sync.observe(labels, report.durationMs / 1000);
    kernel.observe(labels, report.kernelMs / 1000);
    (isFull ? full : partial).observe(labels, report.durationMs / 1000);
    if (report.error) failures.inc(labels);
    else lastSync.setToCurrentTime(labels);
  };
  return {
    registry,
    queued: () => {
      for (const ip_family of ["IPv4", "IPv6"]) lastQueued.setToCurrentTime({ ip_family });
    },
    synced: (report, isFull) => {
      for (const one of report.families) observe(one, isFull);
    },
    changed: (kind) => (kind === "service" ? serviceChanges : endpointChanges).inc(),
    programmed: (triggeredAt, ip_family) => programming.observe({ ip_family }, (Date.now() - triggeredAt) / 1000),
    flowsDeleted: (count) => deleted.inc({ ip_family: "IPv4" }, count),
    answered: (path, code) => (path === "healthz" ? healthz : livez).inc({ code: String(code) }),
  };
}
