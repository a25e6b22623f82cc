import assert from "node:assert/strict";
import { test } from "node:test";
import type { Toleration } from "kubernetes-types/core/v1";
import type { Node } from "../../api/object.ts";
import { node, pod } from "../testing/objects.ts";
import { evictionInMs, isOutOfService, lifecycleTaints, silentConditions } from "./compute.ts";

const nowMs = Date.parse("2026-01-01T00:00:00Z");
const ready = (status: string, spec: Node["spec"] = {}): Node => ({
  ...node("n", spec),
  status: { conditions: [{ type: "Ready", status }] },
});
const keys = (taints: ReturnType<typeof lifecycleTaints>) =>
  taints?.map(({ key, effect }) => `${key.split("/").at(-1)}:${effect}`);

test("silentConditions() marks every condition once", () => {
  const [condition] = silentConditions(ready("True"), nowMs) ?? [];
  assert.deepEqual([condition?.type, condition?.status, condition?.reason], ["Ready", "Unknown", "NodeStatusUnknown"]);
  assert.equal(silentConditions(ready("Unknown"), nowMs), undefined);
  assert.equal(silentConditions({ ...node("n"), status: {} }, nowMs)?.[0]?.type, "Ready");
});

test("lifecycleTaints() follow readiness and cordoning, and leave others alone", () => {
  const own = { key: "gpu", effect: "NoSchedule" };
  assert.deepEqual(keys(lifecycleTaints(ready("Unknown", { taints: [own] }), nowMs)), [
    "gpu:NoSchedule",
    "unreachable:NoSchedule",
    "unreachable:NoExecute",
  ]);
  assert.deepEqual(keys(lifecycleTaints(ready("False"), nowMs)), ["not-ready:NoSchedule", "not-ready:NoExecute"]);
  assert.deepEqual(keys(lifecycleTaints(ready("True", { unschedulable: true }), nowMs)), ["unschedulable:NoSchedule"]);
  const taints = lifecycleTaints(ready("Unknown"), nowMs) ?? [];
  assert.equal(lifecycleTaints(ready("Unknown", { taints }), nowMs), undefined);
  assert.deepEqual(lifecycleTaints(ready("True", { taints }), nowMs), []);
});

const unreachable = ready("Unknown", { taints: lifecycleTaints(ready("Unknown"), nowMs) ?? [] });
const key = "node.kubernetes.io/unreachable";
const evictions: { name: string; tolerations: Toleration[]; want: number | undefined }[] = [
  { name: "says nothing", tolerations: [], want: 290_000 },
  {
    name: "tolerates for a time",
    tolerations: [{ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 30 }],
    want: 20_000,
  },
  { name: "time is over", tolerations: [{ key, operator: "Exists", tolerationSeconds: 5 }], want: 0 },
  { name: "tolerates for ever", tolerations: [{ operator: "Exists" }], want: undefined },
];
for (const { name, tolerations, want } of evictions) {
  test(`evictionInMs(): a Pod that ${name}`, () => {
    const evicted = evictionInMs(pod("p", { spec: { tolerations } }), {
      node: unreachable,
      nowMs: nowMs + 10_000,
      seenAtMs: () => nowMs,
      tolerationSec: 300,
    });
    assert.equal(evicted, want);
  });
}

test("evictionInMs(): taints of others evict at once, and count from when they were seen", () => {
  const node = ready("True", { taints: [{ key: "repair", effect: "NoExecute" }] });
  const facts = { node, nowMs: nowMs + 10_000, seenAtMs: () => nowMs, tolerationSec: 300 };
  const tolerating = (tolerationSeconds: number) =>
    pod("p", { spec: { tolerations: [{ key: "repair", operator: "Exists", tolerationSeconds }] } });
  assert.equal(evictionInMs(pod("p"), facts), 0);
  assert.equal(evictionInMs(tolerating(15), facts), 5_000);
  assert.equal(isOutOfService(node), false);
  const off = { taints: [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }] };
  assert.equal(isOutOfService(ready("Unknown", off)), true);
});
