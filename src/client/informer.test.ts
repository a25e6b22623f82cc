import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigMap } from "../api/object.ts";
import { configMaps } from "../api/resource.ts";
import { createLog } from "../lib/log.ts";
import { type ApiClient, ApiError, type Change } from "./client.ts";
import { createInformer } from "./informer.ts";
import { createMemoryClient } from "./testing/memory-client.ts";

const log = createLog(() => {});
const configMap = (name: string, data: Record<string, string> = {}): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "ns" },
  data,
});
const text = (change: Change<ConfigMap>) => `${change.type} ${change.object.metadata.name}`;

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(condition(), "it did not come to pass");
}

test("the cache follows the collection; listeners hear each change once, in order", async (t) => {
  const client = createMemoryClient();
  const end = new AbortController();
  t.after(() => end.abort());
  await client.create(configMaps, configMap("a", { colour: "red" }));
  const indexes = { colour: ({ data }: ConfigMap) => [data?.colour ?? ""] };
  const informer = createInformer(client, configMaps, { log, signal: end.signal, indexes });
  const heard: string[] = [];
  informer.onChange((change) => heard.push(text(change)));
  await informer.synced;
  const b = await client.create(configMaps, configMap("b", { colour: "red" }));
  await client.update(configMaps, { ...b, data: { colour: "blue" } });
  await client.delete(configMaps, { name: "a", namespace: "ns" });
  await until(() => heard.length === 4);
  assert.deepEqual(heard, ["added a", "added b", "updated b", "deleted a"]);
  assert.deepEqual(
    [...informer.list()].map(({ metadata }) => metadata.name),
    ["b"],
  );
  assert.equal(informer.byIndex("colour", "red").length, 0);
  assert.equal(informer.byIndex("colour", "blue")[0]?.metadata.name, "b");
  assert.equal(informer.get("ns/b")?.data?.colour, "blue");
});

test("P218 P219 after 410 Gone only the differences reach the listeners", async (t) => {
  const client = createMemoryClient();
  const end = new AbortController();
  t.after(() => end.abort());
  for (const name of ["same", "gone", "changed", "replaced"]) await client.create(configMaps, configMap(name));
  let cut = false;
  const flaky: ApiClient = Object.create(client, {
    watch: {
      value: (resource: typeof configMaps, options: Parameters<ApiClient["watch"]>[1]) => {
        if (cut) throw new Error("cut");
        return client.watch(resource, options);
      },
    },
  });
  for (const method of ["get", "list", "create", "update", "delete"] as const) {
    Object.defineProperty(flaky, method, { value: client[method].bind(client) });
  }
  const informer = createInformer(flaky, configMaps, { log, signal: end.signal });
  await informer.synced;
  const heard: string[] = [];
  informer.onChange((change) => heard.push(text(change)));
  heard.length = 0;
  cut = true;
  client.compact();
  await client.delete(configMaps, { name: "gone", namespace: "ns" });
  await client.update(configMaps, configMap("changed", { x: "1" }));
  await client.delete(configMaps, { name: "replaced", namespace: "ns" });
  await client.create(configMaps, configMap("replaced"));
  client.compact();
  cut = false;
  await until(() => heard.length >= 4);
  assert.deepEqual(heard.sort(), ["added replaced", "deleted gone", "deleted replaced", "updated changed"]);
});

test("a server without sendInitialEvents is read by pages", async (t) => {
  const client = createMemoryClient();
  const end = new AbortController();
  t.after(() => end.abort());
  for (let i = 0; i < 5; i++) await client.create(configMaps, configMap(`c${i}`));
  const old = Object.assign(Object.create(null), {
    list: async (resource: typeof configMaps, options: { continue?: string }) => {
      const { metadata, items } = await client.list(resource, {});
      const from = Number(options.continue ?? 0);
      const more = from + 2 < items.length ? { continue: String(from + 2) } : {};
      return { metadata: { ...metadata, ...more }, items: items.slice(from, from + 2) };
    },
    watch: (resource: typeof configMaps, options: Parameters<ApiClient["watch"]>[1]) => {
      if (options.sendInitialEvents)
        throw new ApiError({ kind: "Status", status: "Failure", code: 422, reason: "Invalid" });
      return client.watch(resource, options);
    },
  }) as ApiClient;
  const informer = createInformer(old, configMaps, { log, signal: end.signal });
  await informer.synced;
  assert.equal([...informer.list()].length, 5);
  await client.create(configMaps, configMap("late"));
  await until(() => informer.get("ns/late") !== undefined);
});

test("early: what is there reaches the listeners as it comes, and a first reading that broke is put right by the next", async (t) => {
  const client = createMemoryClient();
  const end = new AbortController();
  t.after(() => end.abort());
  for (const name of ["gone", "kept"]) await client.create(configMaps, configMap(name));
  const broken = Promise.withResolvers<void>();
  let readings = 0;
  const flaky: ApiClient = Object.create(client, {
    watch: {
      async *value(resource: typeof configMaps, options: Parameters<ApiClient["watch"]>[1]) {
        const isFirst = readings++ === 0;
        for await (const events of client.watch(resource, options)) {
          if (isFirst && events.some(({ type }) => type === "BOOKMARK")) {
            await broken.promise;
            throw new Error("cut");
          }
          yield events;
        }
      },
    },
  });
  const informer = createInformer(flaky, configMaps, { log, signal: end.signal, early: true });
  let isSynced = false;
  void informer.synced.then(() => {
    isSynced = true;
  });
  const heard: string[] = [];
  informer.onChange((change) => heard.push(text(change)));
  await until(() => heard.length === 2);
  assert.deepEqual([heard, isSynced], [["added gone", "added kept"], false]);
  await client.delete(configMaps, { name: "gone", namespace: "ns" });
  broken.resolve();
  await informer.synced;
  assert.deepEqual(heard, ["added gone", "added kept", "deleted gone"]);
});
