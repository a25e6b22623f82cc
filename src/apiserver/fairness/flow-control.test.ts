import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiFault } from "../../api/status.ts";
import { ManualClock } from "../../lib/clock.ts";
import { FlowControl } from "./flow-control.ts";

const limits = { seats: 4, seatsPerFlow: 2, queuePerFlow: 3, maxWaitMs: 1000 };

/** Requests that end when told to; `begun` lists who got a seat, in order. */
function fixture() {
  const clock = new ManualClock();
  const flows = new FlowControl(clock, limits);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const gone = new Map<string, () => void>();
  const ask = (name: string, width = 1): Promise<string> => {
    const onGone = (callback: () => void) => {
      gone.set(name, callback);
      return () => void gone.delete(name);
    };
    const work = (): Promise<string> =>
      new Promise((resolve) => {
        begun.push(name);
        ends.set(name, () => resolve(name));
      });
    const done = flows.run({ flow: name[0] ?? "", width, onGone }, work);
    done.catch(() => {});
    return done;
  };
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  };
  const end = async (name: string, afterMs = 0): Promise<void> => {
    clock.advance(afterMs);
    ends.get(name)?.();
    await settle();
  };
  return { clock, flows, begun, ask, end, settle, gone };
}

const codeOf = (error: unknown): number | undefined => (error instanceof ApiFault ? error.status.code : undefined);

test("one client gets its own seats, others still find one", async () => {
  const { begun, ask, settle } = fixture();
  for (const name of ["a1", "a2", "a3", "a4"]) void ask(name);
  void ask("b1");
  await settle();
  assert.deepEqual(begun, ["a1", "a2", "b1"]);
});

test("a client whose queue is full is told to come again", async () => {
  const { ask } = fixture();
  for (let index = 1; index <= 5; index++) void ask(`a${index}`);
  await assert.rejects(ask("a6"), (error) => {
    assert.equal(codeOf(error), 429);
    assert.equal(error instanceof ApiFault && error.status.details?.retryAfterSeconds, 1);
    return true;
  });
});

test("who used less goes first", async () => {
  const { begun, ask, end } = fixture();
  for (const name of ["a1", "a2", "c1", "c2"]) void ask(name);
  for (const name of ["a3", "a4", "b1"]) void ask(name);
  await end("a1", 50);
  assert.deepEqual(begun.slice(4), ["b1"]);
  await end("a2");
  assert.deepEqual(begun.slice(4), ["b1", "a3"]);
});

test("a crowd of one client does not keep another waiting for its whole queue", async () => {
  const { begun, ask, end } = fixture();
  for (const name of ["a1", "a2", "d1", "d2", "a3", "a4", "a5", "b1", "b2"]) void ask(name);
  for (const name of ["a1", "a2"]) await end(name, 10);
  assert.deepEqual(begun.slice(4).sort(), ["b1", "b2"]);
});

test("a wide request takes several seats, but no more than a client may have", async () => {
  const { begun, ask, end } = fixture();
  void ask("a1", 10);
  void ask("a2");
  assert.deepEqual(begun, ["a1"]);
  await end("a1");
  assert.deepEqual(begun, ["a1", "a2"]);
});

test("who waits too long, or hangs up, leaves the queue", async () => {
  const { clock, flows, begun, ask, end, settle, gone } = fixture();
  for (const name of ["a1", "a2"]) void ask(name);
  const waiting = [ask("a3"), ask("a4")];
  gone.get("a3")?.();
  await assert.rejects(waiting[0] as Promise<string>, (error) => codeOf(error) === 429);
  clock.advance(1000);
  await assert.rejects(waiting[1] as Promise<string>, (error) => codeOf(error) === 429);
  await end("a1");
  await end("a2");
  await settle();
  assert.deepEqual(begun, ["a1", "a2"]);
  assert.deepEqual(flows.gauges, {
    apiserver_flowcontrol_seats_in_use: 0,
    apiserver_flowcontrol_requests_waiting: 0,
  });
});

test("a request that fails gives its seat back", async () => {
  const { flows } = fixture();
  const onGone = () => () => {};
  for (let index = 0; index < 10; index++) {
    const failing = flows.run({ flow: "a", width: 2, onGone }, () => Promise.reject(new Error("broken")));
    await assert.rejects(failing, /broken/);
  }
  assert.equal(flows.gauges.apiserver_flowcontrol_seats_in_use, 0);
});
