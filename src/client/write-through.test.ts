import assert from "node:assert/strict";
import { test } from "node:test";
import { type ConfigMap, objectKey } from "../api/object.ts";
import { configMaps } from "../api/resource.ts";
import type { Change, Informer } from "./client.ts";
import { createMemoryClient } from "./testing/memory-client.ts";
import { compareResourceVersions, createWriteThrough } from "./write-through.ts";

const indexes = { namespace: ({ metadata }: ConfigMap) => [metadata.namespace ?? ""] };
const configMap = (name: string, value = ""): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "ns" },
  data: { value },
});

/** An informer whose watch brings something only when the test says so. */
function lateInformer() {
  const objects = new Map<string, ConfigMap>();
  const listeners: ((change: Change<ConfigMap>) => void)[] = [];
  const informer: Informer<ConfigMap> = {
    synced: Promise.resolve(),
    get: (key) => objects.get(key),
    list: () => objects.values(),
    byIndex: () => [...objects.values()],
    onChange: (listener) => {
      listeners.push(listener);
      return () => {};
    },
  };
  const bring = (type: "added" | "deleted", object: ConfigMap) => {
    if (type === "deleted") objects.delete(objectKey(object));
    else objects.set(objectKey(object), object);
    for (const listener of listeners) listener({ type, object });
  };
  return { informer, bring };
}

function setUp() {
  const client = createMemoryClient();
  const { informer, bring } = lateInformer();
  const written = createWriteThrough(client, configMaps, { informer, indexes });
  const seen = () => written.byIndex("namespace", "ns").map(({ metadata, data }) => `${metadata.name}=${data?.value}`);
  return { client, informer, bring, written, seen };
}

test("E37 own writes are seen before the watch brings them, and once when it has", async () => {
  const { bring, written, seen } = setUp();
  const one = await written.create(configMap("a", "1"));
  assert.deepEqual(seen(), ["a=1"]);
  const two = await written.update({ ...one, data: { value: "2" } });
  bring("added", one);
  assert.deepEqual(seen(), ["a=2"], "what the watch brings is older");
  bring("added", two);
  assert.deepEqual(seen(), ["a=2"]);
  await written.delete(two);
  assert.deepEqual(seen(), []);
  assert.equal(written.get("ns/a"), undefined);
  bring("deleted", two);
  assert.deepEqual(seen(), []);
  const again = await written.create(configMap("a", "3"));
  assert.deepEqual(seen(), ["a=3"]);
  bring("added", again);
  assert.deepEqual(seen(), ["a=3"]);
});

test("another's newer write replaces ours", async () => {
  const { client, bring, written, seen } = setUp();
  const one = await written.create(configMap("a", "1"));
  bring("added", await client.update(configMaps, { ...one, data: { value: "theirs" } }));
  assert.deepEqual(seen(), ["a=theirs"]);
});

test("an answer that comes after the watch saw the object come and go leaves nothing behind", async () => {
  const { client, informer, bring, seen } = setUp();
  const slow: typeof client = Object.create(client, {
    create: {
      value: async (resource: typeof configMaps, object: ConfigMap) => {
        const created = await client.create(resource, object);
        bring("added", created);
        await client.delete(configMaps, { name: "a", namespace: "ns" });
        bring("deleted", created);
        return created;
      },
    },
  });
  const late = createWriteThrough(slow, configMaps, { informer, indexes });
  await late.create(configMap("a", "1"));
  assert.equal(late.get("ns/a"), undefined);
  assert.deepEqual(seen(), []);
});

test("deleting what is gone is no error", async () => {
  const { client, written } = setUp();
  const one = await written.create(configMap("a"));
  await client.delete(configMaps, { name: "a", namespace: "ns" });
  await written.delete(one);
  assert.equal(written.get("ns/a"), undefined);
});

test("compareResourceVersions() orders numbers of any length", () => {
  const sorted = ["10", "9", "100000000000000000001", "100000000000000000000"].sort(compareResourceVersions);
  assert.deepEqual(sorted, ["9", "10", "100000000000000000000", "100000000000000000001"]);
});
