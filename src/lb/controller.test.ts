import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Service } from "../api/object.ts";
import { events, services } from "../api/resource.ts";
import { createMemoryClient, type MemoryClient } from "../client/testing/memory-client.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { createLog } from "../lib/log.ts";
import { type LoadBalancer, startLoadBalancer } from "./controller.ts";
import { parsePools } from "./pools.ts";

const namespace = "default";
const failed = "SyncLoadBalancerFailed: Error syncing load balancer: failed to ensure load balancer";
const cleanup = "service.kubernetes.io/load-balancer-cleanup";

function service(name: string, spec: Partial<Service["spec"]> = {}): Service {
  const ports = [{ port: 80, protocol: "TCP" }];
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { type: "LoadBalancer", clusterIP: "10.96.0.7", ipFamilies: ["IPv4"], ports, ...spec },
  };
}

interface Bench {
  readonly client: MemoryClient;
  /** "announce 192.0.2.10 web", "withdraw 192.0.2.10", in order. */
  readonly calls: string[];
  /** Called before the announcer does it. */
  onAnnounce: () => Promise<void>;
  onWithdraw: () => Promise<void>;
  /** What a former process announced. */
  readonly left: string[];
  /** Starts a load balancer; returns what ends it. */
  start(options?: { pools?: string; loadBalancerClass?: string; clock?: Clock }): LoadBalancer & { stop(): void };
  statusOf(name: string): Promise<string>;
  reasons(): Promise<string[]>;
  change(name: string, spec: Partial<Service["spec"]>): Promise<void>;
}

function bench(t: TestContext): Bench {
  const client = createMemoryClient();
  const calls: string[] = [];
  const left: string[] = [];
  const holders = new Map<string, string>();
  const announcer = {
    announce: async (address: string, { service }: { service: Service }) => {
      const holder = holders.get(address) ?? service.metadata.name;
      assert.equal(holder, service.metadata.name, `${address} is announced for two Services`);
      await made.onAnnounce();
      if (!holders.has(address)) calls.push(`announce ${address} ${service.metadata.name}`);
      holders.set(address, service.metadata.name);
    },
    left: async () => left,
    withdraw: async (address: string) => {
      await made.onWithdraw();
      calls.push(`withdraw ${address}`);
      holders.delete(address);
    },
  };
  const get = (name: string): Promise<Service> => client.get(services, name, namespace);
  const made: Bench = {
    client,
    calls,
    left,
    onAnnounce: async () => {},
    onWithdraw: async () => {},
    start({ pools = "192.0.2.10-192.0.2.11", ...rest } = {}) {
      holders.clear();
      const controller = new AbortController();
      const { signal } = controller;
      t.after(() => controller.abort());
      const log = createLog(() => {});
      const running = startLoadBalancer({ client, log, signal, pools: parsePools(pools), announcer, ...rest });
      return { synced: running.synced, idle: () => running.idle(), stop: () => controller.abort() };
    },
    statusOf: async (name) => {
      const ingress = (await get(name)).status?.loadBalancer?.ingress ?? [];
      return ingress.map(({ ip, ipMode }) => `${ip} ${ipMode}`).join();
    },
    reasons: async () => (await client.list(events)).items.map(({ reason, message }) => `${reason}: ${message}`).sort(),
    change: async (name, spec) => {
      const old = await get(name);
      await client.update(services, { ...old, spec: { ...old.spec, ...spec } });
    },
  };
  return made;
}

/** Waits for the condition, which the watch brings about. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.fail("not within 2 s");
}

test("a Service gets an address in its status, an Event, and its announcement before its status", async (t) => {
  const b = bench(t);
  b.start();
  await b.client.create(services, service("web"));
  await until(async () => (await b.reasons()).length > 0);
  assert.equal(await b.statusOf("web"), "192.0.2.10 VIP");
  assert.deepEqual(b.calls, ["announce 192.0.2.10 web"]);
  await until(async () => (await b.reasons()).length === 3);
  assert.deepEqual(await b.reasons(), [
    "EnsuredLoadBalancer: Ensured load balancer",
    "EnsuringLoadBalancer: Ensuring load balancer",
    "IPAllocated: Assigned IP 192.0.2.10",
  ]);
  assert.deepEqual(
    b.client.writes.filter(({ plural, verb }) => plural === "services" && verb !== "create"),
    [
      { verb: "patch", plural: "services", name: "web", subresource: undefined },
      { verb: "patch", plural: "services", name: "web", subresource: "status" },
    ],
    "S121 S126: the finalizer, and after that the status",
  );
});

test("other types and classes get nothing; a load balancer with a class serves only that", async (t) => {
  const b = bench(t);
  b.start({ loadBalancerClass: "example.com/lb" });
  await b.client.create(services, service("plain"));
  await b.client.create(services, service("cluster", { type: "ClusterIP" }));
  await b.client.create(services, service("classed", { loadBalancerClass: "example.com/lb" }));
  await until(async () => (await b.statusOf("classed")) !== "");
  assert.deepEqual(await Promise.all(["plain", "cluster", "classed"].map(b.statusOf)), ["", "", "192.0.2.10 VIP"]);
});

test("after a restart each Service keeps its address, whatever the order in which they are read", async (t) => {
  const b = bench(t);
  const first = b.start();
  for (const name of ["y", "z"]) {
    await b.client.create(services, service(name));
    await until(async () => (await b.statusOf(name)) !== "");
  }
  await first.idle();
  first.stop();
  await b.client.create(services, service("a"));
  b.calls.length = 0;
  b.start({ pools: "192.0.2.10-192.0.2.12" });
  await until(async () => (await b.statusOf("a")) !== "");
  const statuses = await Promise.all(["y", "z", "a"].map(b.statusOf));
  assert.deepEqual(statuses, ["192.0.2.10 VIP", "192.0.2.11 VIP", "192.0.2.12 VIP"]);
  assert.deepEqual(b.calls.sort(), ["announce 192.0.2.10 y", "announce 192.0.2.11 z", "announce 192.0.2.12 a"]);
});

test("of two Services found with one address the older keeps it", async (t) => {
  const b = bench(t);
  for (const name of ["first", "second"]) {
    const created = await b.client.create(services, service(name));
    const status = { loadBalancer: { ingress: [{ ip: "192.0.2.10", ipMode: "VIP" }] } };
    await b.client.update(services, { ...created, status }, { subresource: "status" });
  }
  b.start();
  await until(async () => (await b.statusOf("second")) !== "192.0.2.10 VIP");
  assert.deepEqual(await Promise.all(["first", "second"].map(b.statusOf)), ["192.0.2.10 VIP", "192.0.2.11 VIP"]);
});

test("when addresses run out a Service waits with an Event, and gets the first that is released", async (t) => {
  const b = bench(t);
  b.start();
  for (const name of ["a", "b", "c"]) {
    await b.client.create(services, service(name));
    const done = name === "c" ? "SyncLoadBalancerFailed" : `Assigned IP 192.0.2.1${"abc".indexOf(name)}`;
    await until(async () => (await b.reasons()).some((reason) => reason.includes(done)));
  }
  assert.deepEqual(await Promise.all(["a", "b", "c"].map(b.statusOf)), ["192.0.2.10 VIP", "192.0.2.11 VIP", ""]);
  const problem = `${failed}: All 2 IPv4 addresses of 192.0.2.10-192.0.2.11 are assigned`;
  assert.ok((await b.reasons()).includes(problem), "S122");
  await b.client.delete(services, { name: "b", namespace });
  await until(async () => (await b.statusOf("c")) !== "");
  assert.equal(await b.statusOf("c"), "192.0.2.11 VIP");
  assert.deepEqual(b.calls.slice(-2), ["withdraw 192.0.2.11", "announce 192.0.2.11 c"]);
});

test("a change of type withdraws the address, frees it and clears the status", async (t) => {
  const b = bench(t);
  b.start();
  await b.client.create(services, service("web"));
  await until(async () => (await b.statusOf("web")) !== "");
  await b.change("web", { type: "ClusterIP" });
  await until(async () => (await b.statusOf("web")) === "");
  assert.deepEqual(b.calls, ["announce 192.0.2.10 web", "withdraw 192.0.2.10"]);
  await b.client.create(services, service("next", { loadBalancerIP: "192.0.2.10" }));
  await until(async () => (await b.statusOf("next")) === "192.0.2.10 VIP");
});

test("S121 the finalizer is there before the address is announced, and goes after the clean-up", async (t) => {
  const b = bench(t);
  const finalizers = async () => (await b.client.get(services, "web", namespace)).metadata.finalizers ?? [];
  b.start();
  const mine = { ...service("web"), metadata: { name: "web", namespace, finalizers: ["example.com/mine"] } };
  b.onAnnounce = async () => assert.deepEqual(await finalizers(), ["example.com/mine", cleanup]);
  b.onWithdraw = async () => assert.deepEqual(await finalizers(), ["example.com/mine", cleanup]);
  await b.client.create(services, mine);
  await until(async () => (await b.statusOf("web")) !== "");
  await b.change("web", { type: "ClusterIP" });
  await until(async () => (await finalizers()).length === 1);
  assert.deepEqual([await finalizers(), await b.statusOf("web")], [["example.com/mine"], ""]);
  assert.deepEqual(b.calls, ["announce 192.0.2.10 web", "withdraw 192.0.2.10"]);
  await until(async () => (await b.reasons()).includes("DeletedLoadBalancer: Deleted load balancer"));
  assert.ok((await b.reasons()).includes("DeletingLoadBalancer: Deleting load balancer"), "S122");
});

test("S121 S125 a deleted Service stays until its address is withdrawn, also when that fails at first", async (t) => {
  const b = bench(t);
  const waits: number[] = [];
  const after = (delayMs: number, callback: () => void) => {
    if (delayMs >= 1000) waits.push(delayMs);
    return systemClock.after(delayMs / 1000, callback);
  };
  b.start({ clock: { ...systemClock, after } });
  await b.client.create(services, service("web"));
  await until(async () => (await b.statusOf("web")) !== "");
  let failures = 2;
  b.onWithdraw = async () => {
    assert.ok((await b.client.get(services, "web", namespace)).metadata.deletionTimestamp);
    if (failures-- > 0) throw new Error("no route to the router");
  };
  waits.length = 0;
  await b.client.delete(services, { name: "web", namespace });
  const isGone = async () => (await b.client.list(services)).items.length === 0;
  await until(isGone);
  assert.equal(failures, -1);
  assert.deepEqual(waits, [5000, 10_000]);
  const reason = "DeleteLoadBalancerFailed: Error syncing load balancer: no route to the router";
  await until(async () => (await b.reasons()).includes(reason));
});

test("S121 what was deleted while nobody looked is cleaned up at the start", async (t) => {
  const b = bench(t);
  const first = b.start();
  await b.client.create(services, service("web"));
  await until(async () => (await b.statusOf("web")) !== "");
  await first.idle();
  first.stop();
  await b.client.delete(services, { name: "web", namespace });
  b.calls.length = 0;
  b.start();
  await until(async () => (await b.client.list(services)).items.length === 0);
  assert.deepEqual(b.calls, ["withdraw 192.0.2.10"]);
});

test("S120 a Service of another class keeps its finalizer and its status", async (t) => {
  const b = bench(t);
  const spec = { loadBalancerClass: "example.com/other" };
  const other = { ...service("other", spec), metadata: { name: "other", namespace, finalizers: [cleanup] } };
  await b.client.create(services, other);
  const running = b.start();
  await running.synced;
  await running.idle();
  assert.deepEqual((await b.client.get(services, "other", namespace)).metadata.finalizers, [cleanup]);
});

test("a new loadBalancerIP is announced before the old address goes; a taken one changes nothing", async (t) => {
  const b = bench(t);
  b.start({ pools: "192.0.2.10-192.0.2.12" });
  await b.client.create(services, service("web"));
  await until(async () => (await b.statusOf("web")) !== "");
  await b.change("web", { loadBalancerIP: "192.0.2.12" });
  await until(async () => b.calls.length === 3);
  assert.deepEqual(b.calls, ["announce 192.0.2.10 web", "announce 192.0.2.12 web", "withdraw 192.0.2.10"]);
  assert.equal(await b.statusOf("web"), "192.0.2.12 VIP");
  await b.client.create(services, service("other", { loadBalancerIP: "192.0.2.12" }));
  const problem = `${failed}: Cannot assign "192.0.2.12": Service "default/web" has it`;
  await until(async () => (await b.reasons()).includes(problem));
  assert.equal(await b.statusOf("other"), "");
  await b.client.delete(services, { name: "web", namespace });
  await until(async () => (await b.statusOf("other")) === "192.0.2.12 VIP");
});

test("fifty Services at once get fifty addresses", async (t) => {
  const b = bench(t);
  b.start({ pools: "192.0.2.0/24" });
  const names = Array.from({ length: 50 }, (_, i) => `s${i}`);
  await Promise.all(names.map((name) => b.client.create(services, service(name))));
  await until(async () => (await Promise.all(names.map(b.statusOf))).every((status) => status !== ""));
  assert.equal(new Set(await Promise.all(names.map(b.statusOf))).size, 50);
});

test("what was announced for a Service that is gone is withdrawn at the start, and nothing else", async (t) => {
  const { client, calls, left, start } = bench(t);
  await client.create(services, {
    ...service("web"),
    status: { loadBalancer: { ingress: [{ ip: "192.0.2.10" }] } },
  } as Service);
  const present = await client.get(services, "web", namespace);
  await client.update(
    services,
    { ...present, status: { loadBalancer: { ingress: [{ ip: "192.0.2.10" }] } } } as Service,
    { subresource: "status" },
  );
  left.push("192.0.2.10", "192.0.2.11", "198.51.100.7");
  const running = start();
  await running.synced;
  await running.idle();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(calls.sort(), ["announce 192.0.2.10 web", "withdraw 192.0.2.11"]);
});
