import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { EndpointSlice, Node, Service } from "../api/object.ts";
import { endpointSlices, events, nodes } from "../api/resource.ts";
import { createMemoryClient } from "../client/testing/memory-client.ts";
import { createLog } from "../lib/log.ts";
import { createRouteAnnouncer } from "./route-announcer.ts";

const namespace = "default";

function node(name: string, address: string, ready = true): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name },
    status: {
      addresses: [{ type: "InternalIP", address }],
      conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
    },
  };
}

function service(externalTrafficPolicy = "Cluster"): Service {
  const metadata = { name: "web", namespace };
  return { apiVersion: "v1", kind: "Service", metadata, spec: { type: "LoadBalancer", externalTrafficPolicy } };
}

function slice(...nodeNames: string[]): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-1", namespace, labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    endpoints: nodeNames.map((nodeName) => ({ addresses: ["10.244.0.2"], nodeName, conditions: { ready: true } })),
  };
}

/** A routing table with the port's semantics; `failures` of the next calls. */
function bench(t: TestContext) {
  const client = createMemoryClient();
  const table = new Map<string, string>();
  const state = { failures: 0 };
  const controller = new AbortController();
  t.after(() => controller.abort());
  const routes = {
    addRoute: async (destination: string, via: string) => {
      if (state.failures-- > 0) throw new Error("ENETUNREACH");
      table.set(destination, via);
    },
    removeRoute: async (destination: string) => void table.delete(destination),
    routes: async () => [...table.keys()],
  };
  const log = createLog(() => {});
  const announcer = createRouteAnnouncer({ client, routes, log, signal: controller.signal });
  const show = (): string => [...table].map(([destination, via]) => `${destination} via ${via}`).join();
  const until = async (want: string): Promise<void> => {
    for (let i = 0; i < 1000 && show() !== want; i++) await new Promise((resolve) => setTimeout(resolve, 2));
    assert.equal(show(), want);
  };
  /** Of the Events written so far. */
  const reasons = async (...want: string[]): Promise<void> => {
    const found = async () => (await client.list(events)).items.map(({ reason }) => reason);
    for (let i = 0; i < 1000 && (await found()).length < want.length; i++) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.deepEqual(await found(), want);
  };
  return { client, announcer, state, show, until, reasons };
}

test("an address is routed to a ready node, moves when that fails (S122), and does not move back", async (t) => {
  const { client, announcer, show, until, reasons } = bench(t);
  await client.create(nodes, node("a", "172.18.0.2"));
  await client.create(nodes, node("b", "172.18.0.3"));
  await announcer.announce("192.0.2.10", { service: service() });
  assert.equal(show(), "192.0.2.10/32 via 172.18.0.2");
  await reasons();
  await client.update(nodes, node("a", "172.18.0.2", false), { subresource: "status" });
  await until("192.0.2.10/32 via 172.18.0.3");
  await reasons("UpdatedLoadBalancer");
  await client.update(nodes, node("a", "172.18.0.2", true), { subresource: "status" });
  await announcer.announce("192.0.2.10", { service: service() });
  assert.equal(show(), "192.0.2.10/32 via 172.18.0.3");
  await announcer.withdraw("192.0.2.10");
  await announcer.withdraw("192.0.2.10");
  assert.equal(show(), "");
});

test("addresses are spread over the nodes, and a node without the family gets none", async (t) => {
  const { client, announcer, show } = bench(t);
  await client.create(nodes, node("a", "172.18.0.2"));
  await client.create(nodes, node("b", "172.18.0.3"));
  await client.create(nodes, node("c", "2001:db8::2"));
  for (const address of ["192.0.2.10", "192.0.2.11", "2001:db8::10"]) {
    await announcer.announce(address, { service: service() });
  }
  const want = ["192.0.2.10/32 via 172.18.0.2", "192.0.2.11/32 via 172.18.0.3", "2001:db8::10/128 via 2001:db8::2"];
  assert.equal(show(), want.join());
});

test("an address waits for the first ready node, which an Event says (S122)", async (t) => {
  const { client, announcer, show, until, reasons } = bench(t);
  await announcer.announce("192.0.2.10", { service: service() });
  assert.equal(show(), "");
  await reasons("UnAvailableLoadBalancer");
  await client.create(nodes, node("a", "172.18.0.2", false));
  await client.update(nodes, node("a", "172.18.0.2"), { subresource: "status" });
  await until("192.0.2.10/32 via 172.18.0.2");
});

test("with externalTrafficPolicy Local the route follows the endpoints", async (t) => {
  const { client, announcer, show, until } = bench(t);
  await client.create(nodes, node("a", "172.18.0.2"));
  await client.create(nodes, node("b", "172.18.0.3"));
  await client.create(endpointSlices, slice("b"));
  await announcer.announce("192.0.2.10", { service: service("Local") });
  assert.equal(show(), "192.0.2.10/32 via 172.18.0.3");
  await client.update(endpointSlices, slice("a"));
  await until("192.0.2.10/32 via 172.18.0.2");
});

test("a route that cannot be set fails the announcement, and the next one sets it", async (t) => {
  const { client, announcer, state, show } = bench(t);
  await client.create(nodes, node("a", "172.18.0.2"));
  state.failures = 1;
  await assert.rejects(announcer.announce("192.0.2.10", { service: service() }), /ENETUNREACH/);
  await announcer.announce("192.0.2.10", { service: service() });
  assert.equal(show(), "192.0.2.10/32 via 172.18.0.2");
});

test("finds the host routes that a former process left", async (t) => {
  const { announcer, client } = bench(t);
  await client.create(nodes, node("n1", "172.18.0.2"));
  await announcer.announce("172.18.255.200", { service: service() });
  assert.deepEqual(await announcer.left?.(), ["172.18.255.200"]);
});
