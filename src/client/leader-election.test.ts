import assert from "node:assert/strict";
import { test } from "node:test";
import { leases } from "../api/resource.ts";
import { createLog } from "../lib/log.ts";
import { runLeaderElection } from "./leader-election.ts";
import { createMemoryClient } from "./testing/memory-client.ts";

const log = createLog(() => {});

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(condition(), "it did not come to pass");
}

test("there is one leader at a time; another takes over when it gives up, or falls silent", async (t) => {
  const client = createMemoryClient();
  const leading = new Set<string>();
  let most = 0;
  const ends = new Map<string, AbortController>();
  t.after(() => {
    for (const end of ends.values()) end.abort();
  });
  const start = (identity: string, server = client) => {
    const end = new AbortController();
    ends.set(identity, end);
    const lead = async (signal: AbortSignal) => {
      leading.add(identity);
      most = Math.max(most, leading.size);
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      leading.delete(identity);
    };
    const timing = { leaseDurationMs: 1000, retryMs: 20 };
    return runLeaderElection(server, {
      name: "lb",
      namespace: "ns",
      identity,
      log,
      signal: end.signal,
      lead,
      ...timing,
    });
  };
  const first = start("a");
  await until(() => leading.has("a"));
  const second = start("b");
  await new Promise((resolve) => setTimeout(resolve, 80));
  assert.deepEqual([...leading], ["a"]);
  ends.get("a")?.abort();
  await first;
  await until(() => leading.has("b"));
  const lease = await client.get(leases, "lb", "ns");
  assert.equal(lease.spec?.holderIdentity, "b");
  // "b" falls silent: the lease is held by one who renews no more.
  ends.get("b")?.abort();
  await second;
  const free = await client.get(leases, "lb", "ns");
  await client.update(leases, {
    ...free,
    spec: { holderIdentity: "dead", leaseDurationSeconds: 1, renewTime: "2026-01-01T00:00:00.000000Z" },
  });
  const third = start("c");
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual([...leading], [], "not before its duration is over");
  await until(() => leading.has("c"));
  assert.equal(most, 1);
  ends.get("c")?.abort();
  await third;
});
