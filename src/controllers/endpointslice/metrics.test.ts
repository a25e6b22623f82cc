import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice } from "../../api/object.ts";
import { pod, service } from "../testing/objects.ts";
import { computeGroups } from "./compute.ts";
import { EndpointSliceMetrics } from "./metrics.ts";
import { planSlices } from "./plan.ts";

test("E42 a sync is counted by what it added, removed and wrote", () => {
  const metrics = new EndpointSliceMetrics();
  const owner = service("a", { trafficDistribution: "PreferClose" });
  const sync = (ips: readonly string[], existing: readonly EndpointSlice[]): readonly EndpointSlice[] => {
    const pods = ips.map((ip, index) => pod(`p${index}`, { ip }));
    const groups = computeGroups(owner, { pods, nodeOf: () => undefined });
    const plan = planSlices({ service: owner, groups, existing, triggerTime: undefined });
    metrics.synced({ key: "default/a", service: owner, groups, existing, plan, hinted: false });
    return [...plan.create, ...plan.update];
  };
  const first = sync(["10.0.0.1", "10.0.0.2", "10.0.0.3"], []);
  sync(
    ["10.0.0.1"],
    first.map((slice) => ({ ...slice, metadata: { ...slice.metadata, name: "a-1" } })),
  );
  metrics.failed("stale");
  const lines = metrics.format().split("\n");
  const wanted = [
    "endpoints_added_per_sync_sum 3",
    'endpoints_added_per_sync_bucket{le="2"} 1',
    'endpoints_added_per_sync_bucket{le="4"} 2',
    "endpoints_removed_per_sync_sum 2",
    "endpoints_desired 1",
    "num_endpoint_slices 1",
    "desired_endpoint_slices 1",
    'changes{operation="create"} 1',
    'changes{operation="update"} 1',
    'endpointslices_changed_per_sync_count{topology="Disabled",traffic_distribution="PreferClose"} 2',
    'syncs{result="success"} 2',
    'syncs{result="stale"} 1',
    'services_count_by_traffic_distribution{traffic_distribution="PreferClose"} 1',
  ];
  for (const line of wanted) assert.ok(lines.includes(`endpoint_slice_controller_${line}`), line);
  metrics.forget("default/a");
  assert.ok(metrics.format().includes("endpoint_slice_controller_endpoints_desired 0\n"));
});
