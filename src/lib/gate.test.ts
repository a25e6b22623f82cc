import assert from "node:assert/strict";
import test from "node:test";
import { setImmediate } from "node:timers/promises";
import { Gate } from "./gate.ts";

test("Gate: never more at a time than it is wide, in the order of their coming, whatever becomes of them", async () => {
  const gate = new Gate(2);
  const order: number[] = [];
  let inside = 0;
  const pass = (number: number) =>
    gate.pass(async () => {
      order.push(number);
      assert.ok(++inside <= 2);
      await setImmediate();
      inside--;
      if (number === 1) throw new Error("one");
      return number;
    });
  const results = await Promise.allSettled([0, 1, 2, 3, 4].map(pass));
  assert.deepEqual(order, [0, 1, 2, 3, 4]);
  assert.deepEqual(
    results.map((result) => (result.status === "fulfilled" ? result.value : "failed")),
    [0, "failed", 2, 3, 4],
  );
});
