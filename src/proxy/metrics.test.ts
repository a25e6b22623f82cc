import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PlaneCounters } from "./backends/port.ts";
import { computeService } from "./compute.ts";
import { createProxyMetrics } from "./metrics.ts";
import { nodeA, service, slice } from "./testing/fixtures.ts";

/** kube-proxy 1.36: name → type and labels. */
const everywhere: Readonly<Record<string, readonly [type: string, ...labels: string[]]>> = {
  sync_proxy_rules_duration_seconds: ["histogram", "ip_family"],
  sync_full_proxy_rules_duration_seconds: ["histogram", "ip_family"],
  sync_partial_proxy_rules_duration_seconds: ["histogram", "ip_family"],
  conntrack_reconciler_sync_duration_seconds: ["histogram", "ip_family"],
  network_programming_duration_seconds: ["histogram", "ip_family"],
  sync_proxy_rules_last_timestamp_seconds: ["gauge", "ip_family"],
  sync_proxy_rules_last_queued_timestamp_seconds: ["gauge", "ip_family"],
  sync_proxy_rules_endpoint_changes_pending: ["gauge"],
  sync_proxy_rules_service_changes_pending: ["gauge"],
  sync_proxy_rules_no_local_endpoints_total: ["gauge", "traffic_policy", "ip_family"],
  sync_proxy_rules_endpoint_changes_total: ["counter"],
  sync_proxy_rules_service_changes_total: ["counter"],
  conntrack_reconciler_deleted_entries_total: ["counter", "ip_family"],
  proxy_healthz_total: ["counter", "code"],
  proxy_livez_total: ["counter", "code"],
};
const nftables: typeof everywhere = {
  sync_proxy_rules_nftables_sync_failures_total: ["counter", "ip_family"],
  sync_proxy_rules_nftables_cleanup_failures_total: ["counter", "ip_family"],
};
const iptables: typeof everywhere = {
  sync_proxy_rules_iptables_total: ["gauge", "table", "ip_family"],
  sync_proxy_rules_iptables_last: ["gauge", "table", "ip_family"],
  sync_proxy_rules_iptables_restore_failures_total: ["counter", "ip_family"],
  sync_proxy_rules_iptables_partial_restore_failures_total: ["counter", "ip_family"],
  iptables_ct_state_invalid_dropped_packets_total: ["counter"],
  iptables_localhost_nodeports_accepted_packets_total: ["counter"],
};

const report = (error?: Error) => ({
  families: [
    {
      family: "IPv4" as const,
      added: 1,
      removed: 0,
      kernelMs: 1,
      durationMs: 2,
      refused: [],
      ...(error ? { error } : {}),
    },
  ],
});

/** Metrics after one of everything. */
async function used(mode: string): Promise<string> {
  const counters = (): PlaneCounters => ({
    cleanupFailures: { IPv4: 2 },
    invalidDropped: 3,
    localhostNodePorts: 4,
    tables: [{ family: "IPv4", table: "nat", total: 50, written: 5 }],
  });
  const metrics = createProxyMetrics({ mode, counters });
  metrics.queued();
  metrics.changed("service");
  metrics.changed("endpoint");
  const local = service({ internalTrafficPolicy: "Local" });
  const ports = computeService(local, [slice([{ ip: "10.244.0.2", node: "node-b" }])], nodeA);
  metrics.computed(new Map([["default/web", ports]]));
  metrics.synced(report(), true);
  metrics.synced(report(new Error("no")), false);
  metrics.programmed(Date.now(), "IPv4");
  metrics.flowsCleaned({ deleted: { IPv4: 1 }, durationMs: 1 });
  metrics.answered("healthz", 200);
  metrics.answered("livez", 503);
  return metrics.format();
}

describe("metrics", () => {
  const modes: [mode: string, names: typeof everywhere, others: typeof everywhere][] = [
    ["nftables", { ...everywhere, ...nftables }, iptables],
    ["iptables", { ...everywhere, ...iptables }, nftables],
    ["ipvs", everywhere, { ...nftables, ...iptables }],
    ["ebpf", { ...everywhere, ...nftables }, iptables],
    ["userspace", everywhere, { ...nftables, ...iptables }],
  ];
  for (const [mode, names, others] of modes) {
    it(`P176 to P181 of mode ${mode} have kube-proxy's names, types and labels`, async () => {
      const text = await used(mode);
      for (const [name, [type, ...labels]] of Object.entries(names)) {
        assert.match(text, new RegExp(`^# TYPE kubeproxy_${name} ${type}$`, "m"));
        const suffix = type === "histogram" ? "_count" : "";
        const [, found = ""] = new RegExp(`^kubeproxy_${name}${suffix}(?:\\{(.*)\\})? \\S+$`, "m").exec(text) ?? [
          "",
          "none",
        ];
        const keys = [...found.matchAll(/(\w+)="/g)].map(([, key]) => key);
        assert.deepEqual(keys.sort(), [...labels].sort(), `labels of ${name}: ${found}`);
      }
      for (const name of Object.keys(others)) assert.doesNotMatch(text, new RegExp(`kubeproxy_${name} `));
    });
  }
  it("P176 P177 have kube-proxy's buckets", async () => {
    const text = await used("nftables");
    const buckets = (name: string) =>
      [...text.matchAll(new RegExp(`^kubeproxy_${name}_bucket\\{.*le="([^"]+)"`, "gm"))].map(([, le]) => le);
    assert.deepEqual(buckets("sync_proxy_rules_duration_seconds").slice(0, 3), ["0.001", "0.002", "0.004"]);
    assert.equal(buckets("sync_proxy_rules_duration_seconds").length, 16);
    const programming = buckets("network_programming_duration_seconds");
    assert.deepEqual([programming[0], programming[2], programming[61], programming.at(-2)], ["0.25", "1", "60", "300"]);
  });
  it("P178 P179 P180 say what was counted", async () => {
    const text = await used("iptables");
    for (const line of [
      'sync_proxy_rules_no_local_endpoints_total{ip_family="IPv4",traffic_policy="internal"} 1',
      "sync_proxy_rules_service_changes_pending 0",
      "sync_proxy_rules_service_changes_total 1",
      'sync_proxy_rules_iptables_total{table="nat",ip_family="IPv4"} 50',
      'sync_proxy_rules_iptables_last{table="nat",ip_family="IPv4"} 5',
      'sync_proxy_rules_iptables_partial_restore_failures_total{ip_family="IPv4"} 1',
      "iptables_ct_state_invalid_dropped_packets_total 3",
      "iptables_localhost_nodeports_accepted_packets_total 4",
      'conntrack_reconciler_deleted_entries_total{ip_family="IPv4"} 1',
      'proxy_livez_total{code="503"} 1',
    ])
      assert.ok(text.includes(`kubeproxy_${line}\n`), line);
  });
  it("P180 goes down again when a local endpoint comes", async () => {
    const metrics = createProxyMetrics();
    const local = service({ internalTrafficPolicy: "Local" });
    for (const node of ["node-b", "node-a"])
      metrics.computed(new Map([["default/web", computeService(local, [slice([{ ip: "10.244.0.2", node }])], nodeA)]]));
    assert.match(await metrics.format(), /no_local_endpoints_total\{ip_family="IPv4",traffic_policy="internal"\} 0/);
  });
  it("P181 the process is there too, as dashboards ask for it", async () => {
    const text = await used("nftables");
    for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"])
      assert.match(text, new RegExp(`^${name} [0-9.e+]+$`, "m"));
  });
});
