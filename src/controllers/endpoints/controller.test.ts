import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { endpoints, events, services } from "../../api/resource.ts";
import { createMemoryClient } from "../../client/testing/memory-client.ts";
import { start, until } from "../testing/cluster.ts";
import { service } from "../testing/objects.ts";
import { refusing } from "../testing/refusing.ts";

const managed = { "endpoints.kubernetes.io/managed-by": "endpoint-controller" };
const headless = { "service.kubernetes.io/headless": "" };
const trigger = "endpoints.kubernetes.io/last-change-trigger-time";
const overCapacity = "endpoints.kubernetes.io/over-capacity";

test("E9 at the start Endpoints without a Service go, unless they are a leader election's lock", async (t) => {
  const client = createMemoryClient();
  const make = (name: string, annotations: Record<string, string> = {}) =>
    client.create(endpoints, {
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: { name, namespace: "ns", annotations },
      subsets: [],
    });
  await make("orphan");
  await make("lock", { "control-plane.alpha.kubernetes.io/leader": "{}" });
  await start(t, { open: async () => client });
  const names = async () =>
    (await client.list(endpoints, { namespace: "ns" })).items.map(({ metadata }) => metadata.name);
  await until(async () => !(await names()).includes("orphan"));
  assert.deepEqual(await names(), ["lock"]);
});

test("E5 E6 E7 E10 labels and annotations follow the Service; without a selector the Endpoints are left as they are", async (t) => {
  const client = createMemoryClient();
  await start(t, { open: async () => client });
  const get = () => client.get(endpoints, "own", "ns");
  const labels = { team: "x", ...headless };
  await client.create(services, service("own", { labels }));
  const made = await until(get);
  assert.deepEqual(made.metadata.labels, { team: "x", ...managed });
  assert.ok(Date.parse(made.metadata.annotations?.[trigger] ?? "") > 0);
  const annotations = { [overCapacity]: "warning" };
  await client.patch(endpoints, made.metadata, { metadata: { annotations } }, { type: "merge" });
  await until(async () => (await get()).metadata.annotations?.[overCapacity] === undefined);
  await client.patch(services, made.metadata, { spec: { clusterIP: "None" } }, { type: "merge" });
  await until(async () => "service.kubernetes.io/headless" in ((await get()).metadata.labels ?? {}));
  assert.deepEqual((await get()).metadata.labels, { team: "x", ...managed, ...headless });
  await client.patch(services, made.metadata, { spec: { selector: null } }, { type: "merge" });
  const subsets = [{ addresses: [{ ip: "192.0.2.1" }], ports: [{ port: 1 }] }];
  await client.patch(services, made.metadata, { metadata: { labels: { team: "y" } } }, { type: "merge" });
  // The controller may still work on what the Service was.
  await until(async () => {
    await client.patch(endpoints, made.metadata, { subsets }, { type: "merge" });
    await new Promise((resolve) => setTimeout(resolve, 20));
    return isDeepStrictEqual((await get()).subsets, subsets);
  });
  assert.equal((await get()).metadata.labels?.team, "x");
});

for (const [verb, reason, message] of [
  ["create", "FailedToCreateEndpoint", "Failed to create endpoint ns/own: not allowed"],
  ["update", "FailedToUpdateEndpoint", "Failed to update endpoint ns/own: not allowed"],
] as const) {
  test(`E8 Endpoints that cannot be written (${verb}) are an Event on them`, async (t) => {
    const client = createMemoryClient();
    await start(t, { open: async () => refusing(client, verb, endpoints) });
    await client.create(services, service("own"));
    if (verb === "update") {
      const { metadata } = await until(() => client.get(endpoints, "own", "ns"));
      await client.patch(services, metadata, { metadata: { labels: { team: "x" } } }, { type: "merge" });
    }
    const event = await until(async () =>
      (await client.list(events)).items.find((one) => one.reason === reason && one.involvedObject.name === "own"),
    );
    assert.deepEqual([event.involvedObject.kind, event.message], ["Endpoints", message]);
  });
}
