import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "./clock.ts";
import { coalesce } from "./coalesce.ts";
import { createLog } from "./log.ts";

const settle = () => new Promise(setImmediate);
const log = createLog(() => {});

test("P31 P32 triggers during a run lead to one more run, not before the interval is over", async () => {
  const clock = new ManualClock();
  const at: number[] = [];
  const run = async () => {
    at.push(clock.now());
    await settle();
  };
  const { trigger, idle } = coalesce({ run, clock, log, signal: new AbortController().signal, minIntervalMs: 10 });
  trigger();
  trigger();
  await settle();
  trigger();
  trigger();
  for (let i = 0; i < 20; i++) {
    await settle();
    clock.advance(1);
  }
  await idle();
  assert.equal(at.length, 2);
  assert.equal(at[0], 0);
  assert.equal(at[1], 10);
});

test("P33 P35 a failed run comes back by itself with a back-off", async () => {
  const clock = new ManualClock();
  let runs = 0;
  const run = async () => {
    if (++runs < 3) throw new Error("no");
  };
  const { trigger, idle } = coalesce({
    run,
    clock,
    log,
    signal: new AbortController().signal,
    backoff: { initialMs: 5, maxMs: 9 },
  });
  trigger();
  for (let i = 0; i < 20; i++) {
    await settle();
    clock.advance(1);
  }
  await idle();
  assert.equal(runs, 3);
});
