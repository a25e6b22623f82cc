import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigMap } from "../api/object.ts";
import { events } from "../api/resource.ts";
import { createLog } from "../lib/log.ts";
import { createEventRecorder } from "./events.ts";
import { createMemoryClient } from "./testing/memory-client.ts";

const object: ConfigMap = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "ns", uid: "u" } };

test("repeats raise the count of one Event; another message is another Event", async () => {
  const client = createMemoryClient();
  const recorder = createEventRecorder(client, { component: "test", log: createLog(() => {}) });
  for (let i = 0; i < 5; i++) recorder.record(object, { type: "Warning", reason: "Bad", message: "it is bad" });
  recorder.record(object, { type: "Normal", reason: "Good", message: "it is good" });
  await recorder.flush();
  const { items } = await client.list(events);
  const seen = items.map(({ reason, count, source, involvedObject }) => [
    reason,
    count,
    source?.component,
    involvedObject.uid,
  ]);
  assert.deepEqual(seen.sort(), [
    ["Bad", 5, "test", "u"],
    ["Good", 1, "test", "u"],
  ]);
});

test("an Event that expired is written anew; one that is refused is lost without a throw", async () => {
  const client = createMemoryClient();
  const lost: string[] = [];
  const recorder = createEventRecorder(client, {
    component: "test",
    log: createLog((line) => lost.push(line), { level: "debug" }),
  });
  const event = { type: "Normal", reason: "R", message: "m" } as const;
  recorder.record(object, event);
  await recorder.flush();
  const [first] = (await client.list(events)).items;
  await client.delete(events, { name: first?.metadata.name ?? "", namespace: "ns" });
  recorder.record(object, event);
  await recorder.flush();
  assert.equal((await client.list(events)).items[0]?.count, 2);
  const broken = { ...client, create: () => Promise.reject(new Error("no")) } as unknown as typeof client;
  const other = createEventRecorder(broken, {
    component: "test",
    log: createLog((line) => lost.push(line), { level: "debug" }),
  });
  other.record(object, event);
  await other.flush();
  assert.match(lost.join(), /event is lost/);
});
