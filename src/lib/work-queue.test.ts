import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "./clock.ts";
import { createLog } from "./log.ts";
import { type Again, createWorkQueue } from "./work-queue.ts";

function queueOf(reconcile: (key: string) => Promise<void> | Promise<Again | undefined>, concurrency = 2) {
  const clock = new ManualClock();
  const end = new AbortController();
  const log = createLog(() => {});
  const backoff = { initialMs: 10, maxMs: 40 };
  return { clock, end, queue: createWorkQueue({ reconcile, clock, log, signal: end.signal, concurrency, backoff }) };
}

const settle = () => new Promise(setImmediate);

test("a key queued twice is worked on once, and once more if added during its reconcile", async () => {
  const calls: string[] = [];
  const gate = Promise.withResolvers<void>();
  const { queue } = queueOf(async (key) => {
    calls.push(key);
    if (calls.length === 1) await gate.promise;
  });
  queue.add("a");
  queue.add("a");
  await settle();
  queue.add("a");
  queue.add("a");
  await settle();
  assert.deepEqual(calls, ["a"]);
  gate.resolve();
  await queue.idle();
  assert.deepEqual(calls, ["a", "a"]);
});

test("no more than `concurrency` keys are worked on at once", async () => {
  let now = 0;
  let most = 0;
  const { queue } = queueOf(async () => {
    most = Math.max(most, ++now);
    await settle();
    now--;
  });
  for (let i = 0; i < 10; i++) queue.add(`key-${i}`);
  await queue.idle();
  assert.equal(most, 2);
});

test("E39 failures are retried with a growing wait, for that key only", async () => {
  const at: number[] = [];
  const { queue, clock } = queueOf(async (key) => {
    if (key === "good") return;
    at.push(clock.now());
    if (at.length < 5) throw new Error("no");
  });
  queue.add("bad");
  queue.add("good");
  for (let i = 0; i < 130; i++) {
    await settle();
    clock.advance(1);
  }
  assert.deepEqual(at, [0, 10, 30, 70, 110]);
});

test("a delayed key waits; the earliest delay counts; the queue's end cancels it", async () => {
  const at: number[] = [];
  const { queue, clock, end } = queueOf(async () => {
    at.push(clock.now());
    return at.length === 1 ? { afterMs: 7 } : undefined;
  });
  queue.addAfter("a", 20);
  queue.addAfter("a", 5);
  queue.addAfter("a", 30);
  for (let i = 0; i < 40; i++) {
    clock.advance(1);
    await settle();
  }
  assert.deepEqual(at, [5, 12]);
  queue.addAfter("a", 5);
  end.abort();
  clock.advance(100);
  await settle();
  assert.equal(at.length, 2);
});
