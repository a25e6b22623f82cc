import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../lib/clock.ts";
import { startTestServer } from "./testing.ts";

const event = (name: string, lastTimestamp: string) => ({
  apiVersion: "v1",
  kind: "Event",
  metadata: { name },
  involvedObject: { kind: "Pod", namespace: "default", name: "p" },
  lastTimestamp,
});

test("events go an hour after they last happened", async (context) => {
  const begin = Date.UTC(2026, 0, 1, 12);
  const clock = new ManualClock(begin);
  const server = await startTestServer({ clock });
  context.after(() => server.close());
  const path = "/api/v1/namespaces/default/events";
  await server.ask("POST", path, { body: event("old", "2026-01-01T12:00:00Z") });
  await server.ask("POST", path, { body: event("again", "2026-01-01T12:30:00Z") });
  const names = async (): Promise<string[]> => {
    const { body } = await server.ask("GET", path);
    return body.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
  };
  /** One sweep; the next one is planned when it has ended. */
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 5 * 60_000) {
      clock.advance(5 * 60_000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  await pass(55 * 60_000);
  assert.deepEqual(await names(), ["again", "old"]);
  await pass(10 * 60_000);
  assert.deepEqual(await names(), ["again"]);
  await pass(30 * 60_000);
  assert.deepEqual(await names(), []);
});
