import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, ReplicaSet } from "../../api/object.ts";
import { pod } from "../testing/objects.ts";
import { computeStatus, planReplicas, rankForDeletion } from "./compute.ts";

const nowMs = Date.parse("2026-01-01T01:00:00Z");
const replicaSet = (replicas: number, minReadySeconds = 0): ReplicaSet => ({
  apiVersion: "apps/v1",
  kind: "ReplicaSet",
  metadata: { name: "r", namespace: "ns", generation: 4 },
  spec: { replicas, minReadySeconds, selector: {}, template: { metadata: { labels: { a: "b" } } } },
});
const created = (name: string, time: string, input = {}): Pod => {
  const made = pod(name, { ip: "10.0.0.1", node: "n1", ...input });
  return { ...made, metadata: { ...made.metadata, creationTimestamp: time } };
};
const withCost = (made: Pod, cost: string): Pod => ({
  ...made,
  metadata: { ...made.metadata, annotations: { "controller.kubernetes.io/pod-deletion-cost": cost } },
});

test("rankForDeletion(): whose loss hurts least goes first", () => {
  const old = "2026-01-01T00:00:00Z";
  const ranked = [
    created("unassigned", old, { node: "", ready: false }),
    created("pending", old, { phase: "Pending" }),
    created("not-ready", old, { ready: false }),
    withCost(created("cheap", old), "-5"),
    created("crowded-young", "2026-01-01T00:50:00Z"),
    created("crowded-old", old),
    created("alone", old, { node: "n2" }),
    withCost(created("dear", old, { node: "n3" }), "9"),
  ];
  const names = (pods: Pod[]) => pods.map(({ metadata }) => metadata.name);
  assert.deepEqual(names(rankForDeletion([...ranked].reverse(), nowMs)), names(ranked));
});

test("planReplicas(): terminating and finished Pods do not count", () => {
  const pods = [pod("a"), pod("b", { terminating: true }), pod("c", { phase: "Failed" })];
  assert.equal(planReplicas(replicaSet(3), pods, { nowMs }).create, 2);
  assert.deepEqual(planReplicas(replicaSet(1), pods, { nowMs }), { create: 0, delete: [] });
  assert.equal(planReplicas(replicaSet(0), pods, { nowMs }).delete.length, 1);
  assert.equal(planReplicas(replicaSet(9999), [], { nowMs }).create, 500);
});

test("computeStatus(): availability waits for minReadySeconds", () => {
  const since = Date.parse("2026-01-01T00:00:00Z");
  const pods = [pod("a", { labels: { a: "b" } }), pod("b", { ready: false })];
  const input = { pods, failure: undefined };
  const early = computeStatus(replicaSet(2, 10), { ...input, nowMs: since + 4000 });
  assert.deepEqual([early.status.readyReplicas, early.status.availableReplicas, early.againInMs], [1, 0, 6000]);
  const late = computeStatus(replicaSet(2, 10), { ...input, nowMs: since + 10_000 });
  assert.deepEqual([late.status.availableReplicas, late.againInMs], [1, undefined]);
  assert.deepEqual([late.status.replicas, late.status.fullyLabeledReplicas, late.status.observedGeneration], [2, 1, 4]);
});
