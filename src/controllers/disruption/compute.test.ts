import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, PodDisruptionBudget } from "../../api/object.ts";
import { pod } from "../testing/objects.ts";
import { computeStatus } from "./compute.ts";

const nowMs = Date.parse("2026-01-01T01:00:00Z");
const budget = (spec: PodDisruptionBudget["spec"], status?: PodDisruptionBudget["status"]): PodDisruptionBudget => ({
  apiVersion: "policy/v1",
  kind: "PodDisruptionBudget",
  metadata: { name: "b", namespace: "ns", generation: 2 },
  spec,
  ...(status ? { status } : {}),
});
const ready = (count: number): Pod[] => Array.from({ length: count }, (_, index) => pod(`p${index}`));
const scales = new Map([["uid-d", 4]]);
const shown = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };

const cases: { name: string; budget: PodDisruptionBudget; pods: Pod[]; want: [allowed: number, desired: number] }[] = [
  { name: "a number that stays", budget: budget({ minAvailable: 3 }), pods: ready(4), want: [1, 3] },
  { name: "a share that stays", budget: budget({ minAvailable: "60%" }), pods: ready(4), want: [1, 3] },
  { name: "a number that may go", budget: budget({ maxUnavailable: 2 }), pods: ready(4), want: [2, 2] },
  { name: "a share that may go", budget: budget({ maxUnavailable: "30%" }), pods: ready(4), want: [2, 2] },
  { name: "some are missing already", budget: budget({ maxUnavailable: 2 }), pods: ready(3), want: [1, 2] },
  { name: "too few", budget: budget({ minAvailable: 3 }), pods: ready(2), want: [0, 3] },
  { name: "no Pods", budget: budget({ minAvailable: 0 }), pods: [], want: [0, 0] },
  {
    name: "one is about to go",
    budget: budget({ minAvailable: 3 }, { ...shown, disruptedPods: { p0: "2026-01-01T00:59:30Z" } }),
    pods: ready(4),
    want: [0, 3],
  },
  {
    name: "one was about to go for too long",
    budget: budget({ minAvailable: 3 }, { ...shown, disruptedPods: { p0: "2026-01-01T00:57:30Z" } }),
    pods: ready(4),
    want: [1, 3],
  },
];
for (const { name, budget: wanted, pods, want } of cases) {
  test(`computeStatus() of a budget: ${name}`, () => {
    const { status } = computeStatus(wanted, { pods, scales, nowMs });
    assert.deepEqual([status.disruptionsAllowed, status.desiredHealthy], want);
    assert.equal(status.conditions?.[0]?.status, want[0] > 0 ? "True" : "False");
    assert.equal(status.observedGeneration, 2);
  });
}
