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
    at.push(clock.elapsed());
    await settle();
    clock.advance(5);
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
  assert.equal(at[1], 15, "ten after the end of the first");
});

test("P266 the time of day may be set back: nothing waits for it to come again", async () => {
  const clock = new ManualClock(10_000_000);
  let runs = 0;
  const run = async () => {
    runs++;
  };
  const { trigger, idle } = coalesce({ run, clock, log, signal: new AbortController().signal, minIntervalMs: 10 });
  trigger();
  await idle();
  clock.set(0);
  trigger();
  clock.advance(10);
  await idle();
  assert.equal(runs, 2);
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
