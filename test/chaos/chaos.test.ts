/** A short run of what `npm run chaos` does at length. */
import assert from "node:assert/strict";
import test from "node:test";
import { skipReason } from "../cluster/harness.ts";
import { runChaos } from "./chaos.ts";

const skip = skipReason || (process.getuid?.() === 0 ? false : "looks into the namespaces of others: needs root");

test("after kills and churn the machine is what the API says, and then empty", {
  skip,
  timeout: 900_000,
}, async (t) => {
  const { kills, left } = await runChaos({ kills: 15, seed: 7, say: (line) => t.diagnostic(line) });
  assert.deepEqual(left, []);
  assert.equal(
    [...kills.values()].reduce((sum, count) => sum + count, 0),
    15,
  );
});
