import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointSlices, events, nodes, pods, services } from "../../api/resource.ts";
import { createMemoryClient } from "../../client/testing/memory-client.ts";
import { addNode, slicesOf, start, until } from "../testing/cluster.ts";
import { pod, service } from "../testing/objects.ts";
import { refusing } from "../testing/refusing.ts";

const zone = (name: string) => ({ "topology.kubernetes.io/zone": name });

test("E41 slices that cannot be written are an Event on the Service", async (t) => {
  const client = createMemoryClient();
  await start(t, { open: async () => refusing(client, "create", endpointSlices) });
  await client.create(services, service("own"));
  const event = await until(async () =>
    (await client.list(events)).items.find(({ reason }) => reason === "FailedToUpdateEndpointSlices"),
  );
  assert.equal(event.involvedObject.name, "own");
  assert.match(event.message ?? "", /^Error updating Endpoint Slices for Service ns\/own: not allowed/);
});

test("E35 slices are made before others are deleted, and none for a Service that is being deleted", async (t) => {
  const client = createMemoryClient();
  await start(t, { open: async () => client });
  const types = async () => (await slicesOf(client, "own")).map(({ addressType }) => addressType);
  const finalizers = ["example.com/wait"];
  const object = service("own");
  await client.create(services, { ...object, metadata: { ...object.metadata, finalizers } });
  await until(async () => (await types()).join() === "IPv4");
  const at = { name: "own", namespace: "ns" };
  const families = (list: string[]) =>
    client.patch(services, at, { spec: { ipFamilies: list, clusterIP: "fd00::7" } }, { type: "merge" });
  const before = client.writes.length;
  await families(["IPv6"]);
  await until(async () => (await types()).join() === "IPv6");
  assert.deepEqual(
    client.writes
      .slice(before)
      .filter(({ plural }) => plural === "endpointslices")
      .map(({ verb }) => verb),
    ["create", "delete"],
  );
  await client.delete(services, at);
  await families(["IPv4"]);
  await until(async () => (await types()).join() !== "IPv6");
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual(await types(), []);
});

test("E48 a node's other zone is in the slices at once", async (t) => {
  const client = createMemoryClient();
  await start(t, { open: async () => client, nodeNames: [] });
  await addNode(client, "n1", zone("a"));
  await client.create(services, service("own"));
  await client.create(pods, pod("own-1", { labels: { app: "own" }, node: "n1" }));
  const zones = async () =>
    (await slicesOf(client, "own")).flatMap(({ endpoints }) => endpoints.map((one) => one.zone));
  await until(async () => (await zones()).join() === "a");
  await client.patch(nodes, { name: "n1" }, { metadata: { labels: zone("b") } }, { type: "merge" });
  await until(async () => (await zones()).join() === "b");
});
