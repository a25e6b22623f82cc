import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, StatefulSet } from "../../api/object.ts";
import { type PodInput, pod } from "../testing/objects.ts";
import { planStatefulSet } from "./compute.ts";
import { ordinalOf } from "./identity.ts";
import { computeStatus } from "./status.ts";

const nowMs = Date.parse("2026-01-01T01:00:00Z");
const set = (spec: Partial<StatefulSet["spec"]> = {}): StatefulSet => ({
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  metadata: { name: "web", namespace: "ns", generation: 4 },
  spec: { replicas: 3, serviceName: "web", selector: {}, template: {}, ...spec },
});
const at = (ordinal: number, revision = "new", input: PodInput = {}): Pod =>
  pod(`web-${ordinal}`, { labels: { "controller-revision-hash": revision }, ...input });
const revisions = { current: "old", update: "new" };
const rolling = (partition: number, maxUnavailable = 1) => ({
  updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition, maxUnavailable } },
});
const parallel = { podManagementPolicy: "Parallel" };

const cases: { name: string; set: StatefulSet; pods: Pod[]; want: string[] }[] = [
  { name: "the first", set: set(), pods: [], want: ["+0 new"] },
  { name: "the next when the former is ready", set: set(), pods: [at(0)], want: ["+1 new"] },
  { name: "nothing while the former is not", set: set(), pods: [at(0, "new", { ready: false })], want: [] },
  { name: "nothing while one stops", set: set(), pods: [at(0, "new", { terminating: true })], want: [] },
  { name: "nothing before minReadySeconds", set: set({ minReadySeconds: 7200 }), pods: [at(0)], want: [] },
  { name: "all at once", set: set(parallel), pods: [at(1, "new", { ready: false })], want: ["+0 new", "+2 new"] },
  {
    name: "one that failed goes first",
    set: set(),
    pods: [at(0, "new", { phase: "Failed", ready: false })],
    want: ["-0"],
  },
  { name: "from the first ordinal", set: set({ ordinals: { start: 4 } }), pods: [at(4)], want: ["+5 new"] },
  { name: "the highest beyond the size", set: set({ replicas: 1 }), pods: [at(0), at(1), at(2)], want: ["-2"] },
  {
    name: "one after the other",
    set: set({ replicas: 1 }),
    pods: [at(0), at(1), at(2, "new", { terminating: true })],
    want: [],
  },
  {
    name: "all beyond the size at once",
    set: set({ replicas: 1, ...parallel }),
    pods: [at(0), at(1), at(2)],
    want: ["-2", "-1"],
  },
  {
    name: "the highest of a former template",
    set: set(rolling(0)),
    pods: [at(0, "old"), at(1, "old"), at(2)],
    want: ["-1"],
  },
  { name: "none below the partition", set: set(rolling(2)), pods: [at(0, "old"), at(1, "old"), at(2)], want: [] },
  {
    name: "as many as may be missing",
    set: set(rolling(0, 2)),
    pods: [at(0, "old"), at(1, "old"), at(2, "old")],
    want: ["-2", "-1"],
  },
  {
    name: "none while an updated one is not ready",
    set: set({ ...rolling(0), ...parallel }),
    pods: [at(0, "old"), at(1, "old"), at(2, "new", { ready: false })],
    want: [],
  },
  {
    name: "the old one below the partition comes back old",
    set: set(rolling(2)),
    pods: [at(1, "old"), at(2)],
    want: ["+0 old"],
  },
  {
    name: "OnDelete waits for the user",
    set: set({ updateStrategy: { type: "OnDelete" } }),
    pods: [at(0, "old"), at(1, "old"), at(2, "old")],
    want: [],
  },
];
for (const { name, set: wanted, pods, want } of cases) {
  test(`planStatefulSet(): ${name}`, () => {
    const plan = planStatefulSet(wanted, { pods, revisions, nowMs });
    const created = plan.create.map(({ ordinal, revision }) => `+${ordinal} ${revision}`);
    assert.deepEqual([...created, ...plan.delete.map((one) => `-${ordinalOf(wanted, one)}`)], want);
  });
}

test("ordinalOf(): only names that the StatefulSet gives", () => {
  const names = ["web-0", "web-12", "web-01", "web-x", "other-1", "web-web-1"];
  assert.deepEqual(
    names.map((name) => ordinalOf(set(), pod(name))),
    [0, 12, undefined, undefined, undefined, undefined],
  );
});

test("computeStatus(): the roll-out ends when all stand on the new template", () => {
  const during = computeStatus(set(), { pods: [at(0, "old"), at(1, "old"), at(2)], revisions, nowMs }).status;
  assert.deepEqual([during.currentReplicas, during.updatedReplicas, during.currentRevision], [2, 1, "old"]);
  const after = computeStatus(set(), { pods: [at(0), at(1), at(2)], revisions, nowMs }).status;
  assert.deepEqual([after.currentReplicas, after.updatedReplicas, after.currentRevision], [3, 3, "new"]);
  assert.equal(after.observedGeneration, 4);
});
