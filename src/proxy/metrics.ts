/** Metrics, under kube-proxy's names so that its dashboards work. */
import { readdirSync } from "node:fs";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { DataPlane, FamilyReport, Report } from "./backends/port.ts";
import type { ServiceChanges } from "./tracker.ts";

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
  /** The new state of these Services is on its way to the kernel: no change of theirs is pending. */
  computed(services: ServiceChanges): void;
  /** `triggeredAt`: when the endpoints of a Service changed, in ms since the epoch. */
  programmed(triggeredAt: number, family: string): void;
  flowsCleaned(result: { readonly deleted: Readonly<Record<string, number>>; readonly durationMs: number }): void;
  answered(path: "healthz" | "livez", code: number): void;
}

/** Metrics of one mode only are there in that mode only; `plane` counts some of them itself. */
export function createProxyMetrics(
  plane: Pick<DataPlane, "mode" | "counters"> = { mode: "nftables" },
  registry: Registry = new Registry(),
): ProxyMetrics {
  const make = makersFor(registry);
  const { histogram, gauge, counter } = make;
  processMetrics(registry);
  const sync = histogram("sync_proxy_rules_duration_seconds", "Time of one sync");
  const full = histogram("sync_full_proxy_rules_duration_seconds", "Time of one sync of everything");
  const partial = histogram("sync_partial_proxy_rules_duration_seconds", "Time of one sync of what changed");
  const cleaning = histogram("conntrack_reconciler_sync_duration_seconds", "Time of one search for stale flows");
  const kernel = new Histogram({
    name: "fairlead_proxy_kernel_duration_seconds",
    help: "Part of the time of one sync that the kernel worked",
    buckets: [0.00005, 0.0001, 0.00025, 0.0005, ...syncBuckets],
    labelNames: ["ip_family"],
    registers: [registry],
  });
  const programming = histogram(
    "network_programming_duration_seconds",
    "From the change of an endpoint to the kernel",
    programmingBuckets,
  );
  const lastSync = gauge("sync_proxy_rules_last_timestamp_seconds", "When rules were last written");
  const lastQueued = gauge("sync_proxy_rules_last_queued_timestamp_seconds", "When a sync was last asked for");
  const changes = {
    endpoint: changeMetrics("endpoint", "Changes of EndpointSlices", make),
    service: changeMetrics("service", "Changes of Services", make),
  };
  const withoutLocal = new WithoutLocal(
    gauge("sync_proxy_rules_no_local_endpoints_total", "Service ports that want local endpoints and have none", [
      "ip_family",
      "traffic_policy",
    ]),
  );
  const deleted = counter("conntrack_reconciler_deleted_entries_total", "Stale flows deleted", ["ip_family"]);
  const healthz = counter("proxy_healthz_total", "Answers of /healthz", ["code"]);
  const livez = counter("proxy_livez_total", "Answers of /livez", ["code"]);
  const failed = new Counter({
    name: "fairlead_proxy_sync_failures_total",
    help: "Syncs that failed, whatever the mode",
    labelNames: ["ip_family"],
    registers: [registry],
  });
  const ofMode = modeMetrics(plane, make);

  const observe = (report: FamilyReport, isFull: boolean) => {
    const labels = { ip_family: report.family };
    sync.observe(labels, report.durationMs / 1000);
    kernel.observe(labels, report.kernelMs / 1000);
    (isFull ? full : partial).observe(labels, report.durationMs / 1000);
    if (report.error) failed.inc(labels);
    else lastSync.setToCurrentTime(labels);
    ofMode(report, isFull);
  };
  return {
    registry,
    queued: () => {
      for (const ip_family of ["IPv4", "IPv6"]) lastQueued.setToCurrentTime({ ip_family });
    },
    synced: (report, isFull) => {
      for (const one of report.families) observe(one, isFull);
    },
    changed: (kind) => {
      changes[kind].total++;
      changes[kind].pending++;
    },
    computed: (services) => {
      for (const one of Object.values(changes)) one.pending = 0;
      withoutLocal.set(services);
    },
    programmed: (triggeredAt, ip_family) => programming.observe({ ip_family }, (Date.now() - triggeredAt) / 1000),
    flowsCleaned: ({ deleted: byFamily, durationMs }) => {
      for (const [ip_family, count] of Object.entries(byFamily)) {
        deleted.inc({ ip_family }, count);
        cleaning.observe({ ip_family }, durationMs / 1000);
      }
    },
    answered: (path, code) => (path === "healthz" ? healthz : livez).inc({ code: String(code) }),
  };
}

type Makers = ReturnType<typeof makersFor>;

function makersFor(registry: Registry) {
  const registers = [registry];
  const family = ["ip_family"];
  return {
    histogram: (name: string, help: string, buckets = syncBuckets) =>
      new Histogram({ name: `kubeproxy_${name}`, help, buckets, labelNames: family, registers }),
    gauge: (name: string, help: string, labelNames = family, collect?: (this: Gauge) => unknown) =>
      new Gauge({
        name: `kubeproxy_${name}`,
        help,
        labelNames,
        registers,
        ...(collect ? { collect: collect as () => void } : {}),
      }),
    counter: (name: string, help: string, labelNames: readonly string[] = [], collect?: (this: Counter) => unknown) =>
      new Counter({
        name: `kubeproxy_${name}`,
        help,
        labelNames: [...labelNames],
        registers,
        ...(collect ? { collect: collect as () => void } : {}),
      }),
  };
}

/** Plain numbers until somebody looks: at a start tens of thousands of changes come. */
function changeMetrics(kind: string, help: string, { counter, gauge }: Makers): { total: number; pending: number } {
  const count = { total: 0, pending: 0 };
  counter(`sync_proxy_rules_${kind}_changes_total`, help, [], function () {
    this.reset();
    this.inc(count.total);
  });
  gauge(`sync_proxy_rules_${kind}_changes_pending`, `${help} not yet written`, [], function () {
    this.set(count.pending);
  });
  return count;
}

function modeMetrics(
  { mode, counters }: Pick<DataPlane, "mode" | "counters">,
  { counter, gauge }: Makers,
): (report: FamilyReport, isFull: boolean) => void {
  if (mode === "nftables" || mode === "ebpf") return nftablesMetrics(counters, counter);
  if (mode === "iptables") return iptablesMetrics(counters && shared(counters), counter, gauge);
  return () => {};
}

/** One question for all metrics of one scrape. */
function shared<T>(ask: () => T | Promise<T>): () => Promise<T> {
  let asking: Promise<T> | undefined;
  return () => {
    asking ??= Promise.resolve(ask()).finally(() => {
      asking = undefined;
    });
    return asking;
  };
}

function nftablesMetrics(counters: DataPlane["counters"], counter: Makers["counter"]) {
  const failures = counter("sync_proxy_rules_nftables_sync_failures_total", "Syncs that failed", ["ip_family"]);
  counter(
    "sync_proxy_rules_nftables_cleanup_failures_total",
    "Times that unused chains could not be taken away",
    ["ip_family"],
    async function () {
      this.reset();
      const { cleanupFailures = {} } = (await counters?.()) ?? {};
      for (const [ip_family, count] of Object.entries(cleanupFailures)) this.inc({ ip_family }, count);
    },
  );
  return ({ family, error }: FamilyReport) => {
    if (error) failures.inc({ ip_family: family });
  };
}

function iptablesMetrics(counters: DataPlane["counters"], counter: Makers["counter"], gauge: Makers["gauge"]) {
  const labels = ["table", "ip_family"];
  const ofTables = (which: "total" | "written") =>
    async function (this: Gauge): Promise<void> {
      for (const one of (await counters?.())?.tables ?? [])
        this.set({ table: one.table, ip_family: one.family }, one[which]);
    };
  gauge("sync_proxy_rules_iptables_total", "Rules of the proxy", labels, ofTables("total"));
  gauge("sync_proxy_rules_iptables_last", "Rules that the last sync wrote", labels, ofTables("written"));
  const all = counter("sync_proxy_rules_iptables_restore_failures_total", "Syncs that failed", ["ip_family"]);
  const ofPart = counter(
    "sync_proxy_rules_iptables_partial_restore_failures_total",
    "Syncs of what changed that failed",
    ["ip_family"],
  );
  counter("iptables_ct_state_invalid_dropped_packets_total", "INVALID packets of Pods dropped", [], async function () {
    this.reset();
    this.inc((await counters?.())?.invalidDropped ?? 0);
  });
  counter(
    "iptables_localhost_nodeports_accepted_packets_total",
    "First packets to node ports at 127.0.0.0/8",
    [],
    async function () {
      this.reset();
      this.inc((await counters?.())?.localhostNodePorts ?? 0);
    },
  );
  return ({ family: ip_family, error }: FamilyReport, isFull: boolean) => {
    if (error) all.inc({ ip_family });
    if (error && !isFull) ofPart.inc({ ip_family });
  };
}

/** Counts Service ports that have endpoints somewhere and none here, by the policy that wants them here. */
class WithoutLocal {
  readonly #gauge: Gauge;
  /** Service → label sets, e.g. "IPv4 internal". */
  readonly #found = new Map<string, readonly string[]>();

  constructor(gauge: Gauge) {
    this.#gauge = gauge;
  }

  set(services: ServiceChanges): void {
    for (const [service, ports] of services) {
      const now = ports.flatMap(({ family, internal, external }) => [
        ...(internal === "drop" ? [`${family} internal`] : []),
        ...(external === "drop" ? [`${family} external`] : []),
      ]);
      for (const label of this.#found.get(service) ?? []) this.#gauge.dec(labelsOf(label));
      for (const label of now) this.#gauge.inc(labelsOf(label));
      if (now.length > 0) this.#found.set(service, now);
      else this.#found.delete(service);
    }
  }
}

function labelsOf(text: string): { ip_family: string; traffic_policy: string } {
  const [ip_family = "", traffic_policy = ""] = text.split(" ");
  return { ip_family, traffic_policy };
}

/** What every component of Kubernetes says of its process, read when asked for. */
function processMetrics(registry: Registry): void {
  const registers = [registry];
  const startSeconds = Date.now() / 1000 - process.uptime();
  const values: Readonly<Record<string, readonly [help: string, read: () => number]>> = {
    process_resident_memory_bytes: ["Resident memory", () => process.memoryUsage.rss()],
    process_start_time_seconds: ["When the process began, in seconds since the epoch", () => startSeconds],
    process_open_fds: ["Open file descriptors", () => readdirSync("/proc/self/fd").length],
  };
  for (const [name, [help, read]] of Object.entries(values)) {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  }
  new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
}
