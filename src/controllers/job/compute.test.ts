import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job, Pod } from "../../api/object.ts";
import { type PodInput, pod } from "../testing/objects.ts";
import { backoffInMs, planJob } from "./compute.ts";
import { formatIndexes, indexAnnotation, parseIndexes } from "./indexes.ts";
import { trackingFinalizer } from "./tally.ts";

const nowMs = Date.parse("2026-01-01T01:00:00Z");
const startTime = "2026-01-01T00:59:00Z";
const job = (spec: Partial<Job["spec"]>, status: Job["status"] = { startTime }): Job => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { name: "j", namespace: "ns", uid: "uid-j" },
  spec: { parallelism: 1, template: {}, ...spec },
  status,
});
const held = (name: string, input: PodInput & { index?: number } = {}): Pod => {
  const { metadata, ...rest } = pod(name, input);
  const annotations = input.index === undefined ? {} : { [indexAnnotation]: String(input.index) };
  const creationTimestamp = "2026-01-01T00:00:00Z";
  return { ...rest, metadata: { ...metadata, annotations, creationTimestamp, finalizers: [trackingFinalizer] } };
};
const succeeded = (name: string, index?: number) =>
  held(name, { phase: "Succeeded", ready: false, ...(index === undefined ? {} : { index }) });
const failed = (name: string) => held(name, { phase: "Failed", ready: false });

const cases: { name: string; job: Job; pods: Pod[]; create?: number; end?: string[]; conditions?: string[] }[] = [
  { name: "as many as run at once", job: job({ completions: 5, parallelism: 3 }), pods: [held("a")], create: 2 },
  {
    name: "no more than are still needed",
    job: job({ completions: 2, parallelism: 3 }),
    pods: [succeeded("a")],
    create: 1,
  },
  { name: "fewer when parallelism falls", job: job({ completions: 5, parallelism: 0 }), pods: [held("a")], end: ["a"] },
  {
    name: "a work queue that had a success",
    job: job({ parallelism: 3 }),
    pods: [succeeded("a"), held("b")],
    create: 0,
  },
  {
    name: "a work queue that is done",
    job: job({ parallelism: 3 }),
    pods: [succeeded("a")],
    conditions: ["SuccessCriteriaMet"],
  },
  {
    name: "enough successes",
    job: job({ completions: 1 }),
    pods: [succeeded("a")],
    conditions: ["SuccessCriteriaMet"],
  },
  {
    name: "too many failures",
    job: job({ completions: 1, backoffLimit: 1 }),
    pods: [failed("a"), failed("b"), held("c")],
    end: ["c"],
    conditions: ["FailureTarget"],
  },
  {
    name: "the deadline",
    job: job({ completions: 1, activeDeadlineSeconds: 60 }),
    pods: [held("a")],
    end: ["a"],
    conditions: ["FailureTarget"],
  },
  {
    name: "suspended",
    job: job({ completions: 1, suspend: true }),
    pods: [held("a")],
    end: ["a"],
    conditions: ["Suspended"],
  },
  {
    name: "one that was counted already",
    job: job({ completions: 1 }, { startTime, succeeded: 1 }),
    pods: [],
    conditions: ["SuccessCriteriaMet", "Complete"],
  },
];
for (const { name, job: wanted, pods, create = 0, end = [], conditions = [] } of cases) {
  test(`planJob(): ${name}`, () => {
    const plan = planJob(wanted, { pods, nowMs });
    assert.equal(plan.create.length, create);
    assert.deepEqual(
      plan.delete.map(({ metadata }) => metadata.name),
      end,
    );
    assert.deepEqual(
      (plan.status.conditions ?? []).map(({ type }) => type),
      conditions,
    );
  });
}

test("planJob(): a Pod is noted, let go, and then in the numbers", () => {
  const ended = failed("a");
  const first = planJob(job({ completions: 1, backoffLimit: 9 }), { pods: [ended], nowMs });
  assert.deepEqual(first.status.uncountedTerminatedPods, { failed: ["uid-a"] });
  assert.equal(first.status.failed, undefined);
  assert.deepEqual(first.release, [ended]);
  const free = { ...ended, metadata: { ...ended.metadata, finalizers: [] } };
  const second = planJob(job({ completions: 1, backoffLimit: 9 }, first.status), { pods: [free], nowMs });
  assert.equal(second.status.failed, 1);
  const gone = planJob(job({ completions: 1, backoffLimit: 9 }, second.status), { pods: [], nowMs });
  assert.equal(gone.status.failed, 1);
});

test("planJob(): an Indexed Job takes the lowest indexes that are free", () => {
  const indexed = job(
    { completions: 5, parallelism: 3, completionMode: "Indexed" },
    { startTime, completedIndexes: "0" },
  );
  const plan = planJob(indexed, { pods: [held("a", { index: 2 }), succeeded("b", 1)], nowMs });
  assert.deepEqual(plan.create, [3, 4]);
  assert.equal(plan.status.completedIndexes, "0,1");
  assert.equal(plan.status.succeeded, 2);
});

test("backoffInMs(): doubles from ten seconds with each failure", () => {
  const at = (seconds: number): Pod => {
    const finishedAt = new Date(nowMs - seconds * 1000).toISOString();
    const state = { terminated: { exitCode: 1, finishedAt } };
    const { status, ...rest } = failed("a");
    return { ...rest, status: { ...status, containerStatuses: [{ name: "c", state }] as never } };
  };
  assert.equal(backoffInMs([], nowMs), 0);
  assert.equal(backoffInMs([at(4)], nowMs), 6_000);
  assert.equal(backoffInMs([at(30), at(4)], nowMs), 16_000);
  assert.equal(backoffInMs([at(30), at(25)], nowMs), 0);
});

test("indexes are written as ranges and read back", () => {
  for (const text of ["", "0", "0,1", "0-2", "0-2,5", "1,3-5,7,8"]) {
    assert.equal(formatIndexes(parseIndexes(text)), text);
  }
});
