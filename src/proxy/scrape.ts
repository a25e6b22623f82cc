/** The text of a scrape of the proxy's metrics. */
import { heading, labelText, sample } from "../lib/metrics-text.ts";
import { processLines } from "../lib/process-metrics.ts";
import type { PlaneCounters } from "./backends/port.ts";
import type { Seen } from "./metrics.ts";

export const ofFamily = (ip_family: string): string => labelText({ ip_family });

export function scrapeText(mode: string, seen: Seen, counted: PlaneCounters): string {
  const rows = [...commonRows(seen), ...rowsOfMode(mode, seen)];
  const lines = rows.flatMap(([name, type, help, read]) => [...heading(name, type, help), ...read(name, counted)]);
  return `${[...lines, ...processLines()].join("\n")}\n`;
}

/** One metric: `read` gives its samples at the moment of a scrape. */
type Row = readonly [
  name: string,
  type: "counter" | "gauge" | "histogram",
  help: string,
  read: (name: string, counted: PlaneCounters) => readonly string[],
];

const one =
  (read: (counted: PlaneCounters) => number): Row[3] =>
  (name, counted) => [sample(name, "", read(counted))];
const all =
  (source: { lines(name: string): string[] }): Row[3] =>
  (name) =>
    source.lines(name);
const byLabels = (name: string, values: Iterable<readonly [labels: string, value: number]>): string[] =>
  [...values].map(([labels, value]) => sample(name, labels, value));

function commonRows(seen: Seen): readonly Row[] {
  const rules = "kubeproxy_sync_proxy_rules";
  const flows = "kubeproxy_conntrack_reconciler";
  const queued = (name: string) =>
    byLabels(name, seen.queuedAt > 0 ? ["IPv4", "IPv6"].map((family) => [ofFamily(family), seen.queuedAt]) : []);
  return [
    [`${rules}_duration_seconds`, "histogram", "Time of one sync", all(seen.sync)],
    ["kubeproxy_sync_full_proxy_rules_duration_seconds", "histogram", "Time of one sync of everything", all(seen.full)],
    [
      "kubeproxy_sync_partial_proxy_rules_duration_seconds",
      "histogram",
      "Time of one sync of what changed",
      all(seen.partial),
    ],
    [
      "fairlead_proxy_kernel_duration_seconds",
      "histogram",
      "Part of the time of one sync that the kernel worked",
      all(seen.kernel),
    ],
    ["fairlead_proxy_sync_failures_total", "counter", "Syncs that failed, whatever the mode", all(seen.failures)],
    [
      "kubeproxy_network_programming_duration_seconds",
      "histogram",
      "From the change of an endpoint to the kernel",
      all(seen.programming),
    ],
    [
      `${rules}_last_timestamp_seconds`,
      "gauge",
      "When rules were last written",
      (name) => byLabels(name, seen.syncedAt),
    ],
    [`${rules}_last_queued_timestamp_seconds`, "gauge", "When a sync was last asked for", queued],
    ...(["service", "endpoint"] as const).flatMap((kind): Row[] => {
      const help = kind === "service" ? "Changes of Services" : "Changes of EndpointSlices";
      return [
        [`${rules}_${kind}_changes_total`, "counter", help, one(() => seen.changes[kind].total)],
        [`${rules}_${kind}_changes_pending`, "gauge", `${help} not yet written`, one(() => seen.changes[kind].pending)],
      ];
    }),
    [
      `${rules}_no_local_endpoints_total`,
      "gauge",
      "Service ports that want local endpoints and have none",
      (name) => byLabels(name, seen.withoutLocal.counts()),
    ],
    [`${flows}_sync_duration_seconds`, "histogram", "Time of one search for stale flows", all(seen.cleaning)],
    [`${flows}_deleted_entries_total`, "counter", "Stale flows deleted", all(seen.deleted)],
    ["kubeproxy_proxy_healthz_total", "counter", "Answers of /healthz", all(seen.healthz)],
    ["kubeproxy_proxy_livez_total", "counter", "Answers of /livez", all(seen.livez)],
  ];
}

function rowsOfMode(mode: string, seen: Seen): readonly Row[] {
  const nftables = "kubeproxy_sync_proxy_rules_nftables";
  if (mode === "nftables" || mode === "ebpf")
    return [
      [`${nftables}_sync_failures_total`, "counter", "Syncs that failed", all(seen.failures)],
      [
        `${nftables}_cleanup_failures_total`,
        "counter",
        "Times that unused chains could not be taken away",
        (name, { cleanupFailures = {} }) =>
          byLabels(
            name,
            Object.entries(cleanupFailures).map(([family, count]) => [ofFamily(family), count]),
          ),
      ],
    ];
  if (mode !== "iptables") return [];
  const iptables = "kubeproxy_sync_proxy_rules_iptables";
  const tables =
    (which: "total" | "written"): Row[3] =>
    (name, { tables = [] }) =>
      byLabels(
        name,
        tables.map((table) => [labelText({ table: table.table, ip_family: table.family }), table[which]]),
      );
  return [
    [`${iptables}_total`, "gauge", "Rules of the proxy", tables("total")],
    [`${iptables}_last`, "gauge", "Rules that the last sync wrote", tables("written")],
    [`${iptables}_restore_failures_total`, "counter", "Syncs that failed", all(seen.failures)],
    [
      `${iptables}_partial_restore_failures_total`,
      "counter",
      "Syncs of what changed that failed",
      all(seen.partialFailures),
    ],
    [
      "kubeproxy_iptables_ct_state_invalid_dropped_packets_total",
      "counter",
      "INVALID packets of Pods dropped",
      one(({ invalidDropped = 0 }) => invalidDropped),
    ],
    [
      "kubeproxy_iptables_localhost_nodeports_accepted_packets_total",
      "counter",
      "First packets to node ports at 127.0.0.0/8",
      one(({ localhostNodePorts = 0 }) => localhostNodePorts),
    ],
  ];
}
