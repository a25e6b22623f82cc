import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import type { EndpointSlice, Node, Service } from "../api/object.ts";
import { endpointSlices, events, nodes, serviceCidrs, services } from "../api/resource.ts";
import type { ApiClient } from "../client/client.ts";
import { createMemoryClient } from "../client/testing/memory-client.ts";
import type { Conntrack, Flow } from "../kernel/conntrack/conntrack.ts";
import { type FakeNftables, fakeNftables } from "../kernel/nftables/fake.ts";
import { ManualClock } from "../lib/clock.ts";
import { createLog } from "../lib/log.ts";
import type { IpFamily } from "../net/ip.ts";
import { createNftablesDataPlane } from "./backends/nftables/plane.ts";
import type { Changes, DataPlane } from "./backends/port.ts";
import type { ProxyConfig } from "./config/effective.ts";
import { createProxyMetrics } from "./metrics.ts";
import { type RunningProxy, startProxy } from "./proxy.ts";
import { type EndpointFixture, service, slice } from "./testing/fixtures.ts";
import { selectingClient } from "./testing/selecting-client.ts";

const table = { family: "ip", name: "fairlead" } as const;
const node = {
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "node-a", labels: { "topology.kubernetes.io/zone": "z1" } },
  status: { addresses: [{ type: "InternalIP", address: "172.18.0.2" }] },
} as Node;

interface Rig {
  readonly client: ApiClient;
  readonly nft: FakeNftables;
  readonly proxy: RunningProxy;
  readonly metrics: ReturnType<typeof createProxyMetrics>;
  /** Flows that the kernel tracks; deleted ones are taken out. */
  readonly flows: Flow[];
  /** "10.244.0.11:8080" of every endpoint element. */
  endpoints(): string[];
}

async function withProxy(
  body: (rig: Rig) => Promise<void>,
  prepare?: (rig: Omit<Rig, "proxy">) => Promise<void>,
  families: readonly IpFamily[] = ["IPv4"],
  config: Partial<ProxyConfig> = {},
): Promise<void> {
  const client = selectingClient(createMemoryClient());
  const nft = fakeNftables();
  const metrics = createProxyMetrics();
  const flows: Flow[] = [];
  const conntrack: Conntrack = {
    flows: ({ address, port, family }) =>
      flows.filter(
        (f) =>
          (port === undefined || f.port === port) &&
          f.handle.family === family &&
          (address === undefined || f.destination === address),
      ),
    delete: (flow) => flows.splice(flows.indexOf(flow), 1).length > 0,
    close: () => {},
  };
  const rig = { client, nft, metrics, flows, endpoints: () => endpointsOf(nft) };
  await client.create(nodes, node);
  await prepare?.(rig);
  const abort = new AbortController();
  const proxy = startProxy({
    client,
    nodeName: "node-a",
    config: { healthzBindAddress: "", metricsBindAddress: "", clusterCIDR: ["10.244.0.0/16"], ...config },
    log: createLog(() => {}),
    signal: abort.signal,
    dataPlane: createNftablesDataPlane({ nftables: nft, families }),
    conntrack,
    metrics,
  });
  try {
    await proxy.ready;
    await body({ ...rig, proxy });
  } finally {
    abort.abort();
  }
}

/** Its end is the caller's. */
function startOn(client: ApiClient, nft: FakeNftables, more: Partial<Parameters<typeof startProxy>[0]> = {}) {
  const abort = new AbortController();
  const proxy = startProxy({
    client,
    nodeName: "node-a",
    log: createLog(() => {}),
    signal: abort.signal,
    dataPlane: createNftablesDataPlane({ nftables: nft, families: ["IPv4"] }),
    conntrack: { flows: () => [], delete: () => false, close: () => {} },
    ...more,
    config: { healthzBindAddress: "", metricsBindAddress: "", ...more.config },
  });
  return { proxy, end: () => abort.abort() };
}

function endpointsOf(nft: FakeNftables): string[] {
  return nft
    .elements(table, "endpoints")
    .map(({ value }) => {
      const bytes = Buffer.from(value, "latin1");
      return `${[...bytes.subarray(0, 4)].join(".")}:${bytes.readUInt16BE(4)}`;
    })
    .sort();
}

async function eventually(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
  for (let n = 0; n < 400; n++) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail(`not within 2 s: ${what}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const same = (a: readonly string[], b: readonly string[]) => JSON.stringify(a) === JSON.stringify(b);
const endpoint = (n: number, more: Partial<EndpointFixture> = {}): EndpointFixture => ({
  ip: `10.244.0.${n}`,
  ...more,
});
const put = async (client: ApiClient, object: Service | EndpointSlice) => {
  const resource = object.kind === "Service" ? services : endpointSlices;
  const { name, namespace } = object.metadata;
  const present = await client.get(resource as typeof services, name, namespace).catch(() => undefined);
  if (!present) await client.create(resource as typeof services, object as Service);
  else {
    const metadata = { ...object.metadata, resourceVersion: present.metadata.resourceVersion };
    await client.update(resource as typeof services, { ...(object as Service), metadata } as Service);
  }
};

describe("the proxy's loop", () => {
  it("P204 writes everything that is there at the start in one transaction", () =>
    withProxy(
      async ({ nft, endpoints }) => {
        assert.deepEqual(endpoints(), ["10.244.0.11:8080", "10.244.0.12:8080"]);
        assert.equal(nft.commits, 1);
      },
      async ({ client }) => {
        await put(client, service());
        await put(client, slice([endpoint(11), endpoint(12)]));
      },
    ));
  it("P24 takes a Service and its slices in any order, and lets go of both", () =>
    withProxy(async ({ client, endpoints, nft }) => {
      await put(client, slice([endpoint(11)]));
      await put(client, service());
      await eventually("the endpoint is there", () => same(endpoints(), ["10.244.0.11:8080"]));
      await put(client, slice([endpoint(12)]));
      await eventually("the endpoint is replaced", () => same(endpoints(), ["10.244.0.12:8080"]));
      await client.delete(services, { name: "web", namespace: "default" });
      await eventually("nothing is left", () => endpoints().length === 0 && nft.elements(table, "vips").length === 0);
    }));
  it("P1 P3 ignores Services of another proxy and headless slices", () =>
    withProxy(async ({ client, endpoints }) => {
      await put(client, service());
      await put(client, slice([endpoint(13)], { name: "h", labels: { "service.kubernetes.io/headless": "" } }));
      await put(client, slice([endpoint(11)]));
      await eventually("the endpoint is there", () => same(endpoints(), ["10.244.0.11:8080"]));
      await put(client, service({ labels: { "service.kubernetes.io/service-proxy-name": "" } }));
      await eventually("nothing is left", () => endpoints().length === 0);
    }));
  it("P4 watches its own Node and no other", async () => {
    const client = selectingClient(createMemoryClient());
    await client.create(nodes, node);
    const selectors = new Set<string | undefined>();
    const asked = (resource: { plural: string }, { fieldSelector }: { fieldSelector?: string } = {}) => {
      if (resource.plural === "nodes") selectors.add(fieldSelector);
    };
    const listening: ApiClient = {
      ...client,
      list(resource, options) {
        asked(resource, options);
        return client.list(resource, options);
      },
      watch(resource, options) {
        asked(resource, options);
        return client.watch(resource, options);
      },
    };
    const { proxy, end } = startOn(listening, fakeNftables());
    await proxy.ready;
    end();
    assert.deepEqual([...selectors], ["metadata.name=node-a"]);
  });
  it("P30 P203 writes and takes away nothing before it has read all Services and all slices", async () => {
    const client = selectingClient(createMemoryClient());
    await client.create(nodes, node);
    await put(client, service());
    await put(client, slice([endpoint(11)]));
    const release = Promise.withResolvers<void>();
    const held = (resource: { plural: string }) =>
      resource.plural === "endpointslices" ? release.promise : Promise.resolve();
    const slow: ApiClient = {
      ...client,
      list: async (resource, options) => {
        await held(resource);
        return client.list(resource, options);
      },
      async *watch(resource, options) {
        await held(resource);
        yield* client.watch(resource, options);
      },
    };
    const nft = fakeNftables();
    const { proxy, end } = startOn(slow, nft);
    try {
      await new Promise((resolve) => setTimeout(resolve, 50));
      await client.create(services, service({ name: "later", clusterIP: "10.96.0.2" }));
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(nft.commits, 0);
      release.resolve();
      await proxy.ready;
      assert.equal(nft.commits, 1);
      assert.deepEqual(endpointsOf(nft), ["10.244.0.11:8080"]);
    } finally {
      end();
    }
  });
  it("P30 P203 what comes before the lists are complete fills sets, and no packet meets a rule", async () => {
    const client = selectingClient(createMemoryClient());
    await client.create(nodes, node);
    await put(client, service());
    await put(client, slice([endpoint(11)]));
    const release = Promise.withResolvers<void>();
    const slow: ApiClient = {
      ...client,
      async *watch(resource, options) {
        for await (const events of client.watch(resource, options)) {
          const isEnd = events.some(({ type }) => type === "BOOKMARK");
          if (resource.plural === "endpointslices" && isEnd) await release.promise;
          yield events;
        }
      },
    };
    const nft = fakeNftables();
    const { proxy, end } = startOn(slow, nft);
    try {
      await eventually("the endpoint is there", () => endpointsOf(nft).length === 1);
      const hooks = () => nft.dump().match(/^chain (nat|firewall|filter)-/gm) ?? [];
      assert.deepEqual(hooks(), []);
      release.resolve();
      await proxy.ready;
      assert.equal(hooks().length, 8);
      assert.deepEqual(endpointsOf(nft), ["10.244.0.11:8080"]);
    } finally {
      end();
    }
  });
  it("P26 P27 what comes to the same, or is written again as it was, changes nothing in the kernel", () =>
    withProxy(async ({ client, nft, endpoints, proxy }) => {
      await put(client, service());
      await put(client, slice([endpoint(11)]));
      await eventually("the endpoint is there", () => endpoints().length === 1);
      const before = nft.commits;
      await put(client, slice([endpoint(11)]));
      await put(client, service({ labels: { team: "a" } }));
      await new Promise((resolve) => setTimeout(resolve, 30));
      await proxy.idle();
      assert.equal(nft.commits, before);
      await client.create(services, service({ name: "short", clusterIP: "10.96.0.2" }));
      await client.delete(services, { name: "short", namespace: "default" });
      await new Promise((resolve) => setTimeout(resolve, 30));
      await proxy.idle();
      assert.ok(nft.commits - before <= 2, "the short-lived one is written at most once, and taken away");
      assert.deepEqual(endpoints(), ["10.244.0.11:8080"]);
    }));
  it("P147 P170 a Node that is about to go keeps forwarding, and its Services' health checks say so", () =>
    withProxy(async ({ client, nft, endpoints, proxy }) => {
      const port = await freePort();
      await put(client, service({ type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: port }));
      await put(client, slice([endpoint(11)]));
      await eventually("the endpoint is there", () => endpoints().length === 1);
      const before = nft.dump();
      const taints = [{ key: "ToBeDeletedByClusterAutoscaler", effect: "NoSchedule" }];
      await client.update(nodes, { ...(await client.get(nodes, "node-a")), spec: { taints } } as Node);
      await new Promise((resolve) => setTimeout(resolve, 30));
      await proxy.idle();
      assert.equal(nft.dump(), before);
      assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
    }));
  it("P35 a fault of the data plane ends nothing, and what it left undone is done next", async () => {
    const client = selectingClient(createMemoryClient());
    await client.create(nodes, node);
    const nft = fakeNftables();
    const plane = createNftablesDataPlane({ nftables: nft, families: ["IPv4"] });
    let faults = 0;
    const faulty: DataPlane = Object.create(plane, {
      sync: {
        value: async (changes: Changes) => {
          if (faults-- > 0) throw new TypeError("a fault");
          return plane.sync(changes);
        },
      },
    });
    const { proxy, end } = startOn(client, nft, { dataPlane: faulty });
    try {
      await proxy.ready;
      faults = 2;
      await put(client, slice([endpoint(11)]));
      await put(client, service());
      await eventually("the endpoint is there", () => same(endpointsOf(nft), ["10.244.0.11:8080"]));
    } finally {
      end();
    }
  });
  it("P197 blocks of Pods that are all of another family than the Node end it", async () => {
    const client = selectingClient(createMemoryClient());
    await client.create(nodes, { ...node, spec: { podCIDRs: ["fd00:10:244::/64"] } } as Node);
    const start = (config: Partial<ProxyConfig>) => startOn(client, fakeNftables(), { config });
    for (const [config, want] of [
      [{ clusterCIDR: ["fd00:10:244::/56"] }, /clusterCIDR "fd00:10:244::\/56": Node "node-a" has IPv4 addresses only/],
      [{ detectLocalMode: "NodeCIDR" }, /spec.podCIDRs "fd00:10:244::\/64": Node "node-a" has IPv4 addresses only/],
    ] as const) {
      const { proxy, end } = start(config);
      await assert.rejects(proxy.ready, want);
      end();
    }
    const { proxy, end } = start({ clusterCIDR: ["fd00:10:244::/56", "10.244.0.0/16"] });
    await proxy.ready;
    end();
  });
  it("P246 an endpoint that goes is out of the kernel without a wait, or after minSyncPeriod", async () => {
    for (const minSyncPeriodMs of [0, 1_000]) {
      const client = selectingClient(createMemoryClient());
      await client.create(nodes, node);
      await put(client, service());
      await put(client, slice([endpoint(11), endpoint(12)]));
      const nft = fakeNftables();
      const clock = new ManualClock(Date.now());
      const { proxy, end } = startOn(client, nft, { clock, config: { minSyncPeriodMs } });
      const isGone = () => same(endpointsOf(nft), ["10.244.0.12:8080"]);
      try {
        await proxy.ready;
        await put(client, slice([endpoint(12)]));
        if (minSyncPeriodMs > 0) {
          await new Promise((resolve) => setTimeout(resolve, 30));
          clock.advance(minSyncPeriodMs - 1);
          await new Promise((resolve) => setTimeout(resolve, 30));
          assert.ok(!isGone());
          clock.advance(1);
        }
        await eventually("the endpoint is gone", isGone);
      } finally {
        end();
      }
    }
  });
  it("P36 computes anew when the node's zone changes", () =>
    withProxy(async ({ client, endpoints }) => {
      await put(client, service());
      await put(client, slice([endpoint(11, { zones: ["z1"] }), endpoint(12, { zones: ["z2"] })]));
      await eventually("the zone's endpoint is there", () => same(endpoints(), ["10.244.0.11:8080"]));
      const present = await client.get(nodes, "node-a");
      const metadata = { ...present.metadata, labels: { "topology.kubernetes.io/zone": "z2" } };
      await client.update(nodes, { ...present, metadata });
      await eventually("the other zone's endpoint is there", () => same(endpoints(), ["10.244.0.12:8080"]));
    }));
  it("P31 P265 writes what comes in together with few transactions", () =>
    withProxy(async ({ client, nft, endpoints, proxy }) => {
      await put(client, service());
      await put(client, slice([endpoint(11)]));
      await eventually("the endpoint is there", () => endpoints().length === 1);
      const before = nft.commits;
      await Promise.all(
        Array.from({ length: 100 }, (_, n) =>
          client.create(services, service({ name: `s${n}`, clusterIP: `10.96.1.${n}` })),
        ),
      );
      await eventually("all are there", () => nft.elements(table, "cluster-ips").length === 101);
      await proxy.idle();
      assert.ok(nft.commits - before <= 50, `${nft.commits - before} transactions`);
    }));
  it("P33 P211 tries again after a failure, writes an Event on the Node, and loses nothing", () =>
    withProxy(async ({ client, nft, endpoints }) => {
      nft.failWhen(() => true, "EPERM");
      await put(client, service());
      await put(client, slice([endpoint(11)]));
      await eventually("an Event tells it", async () => {
        const { items } = await client.list(events);
        return items.some(
          ({ reason, involvedObject }) => reason === "FailedToSyncRules" && involvedObject.kind === "Node",
        );
      });
      assert.deepEqual(endpoints(), []);
      nft.failWhen(() => false, "");
      await eventually("the endpoint is there", () => same(endpoints(), ["10.244.0.11:8080"]));
    }));
  it("P199 a family that fails does not hold back the other", () =>
    withProxy(
      async ({ client, nft, endpoints }) => {
        nft.failWhen((command) => command.table.family === "ip6", "EOPNOTSUPP");
        await put(client, service({ clusterIPs: ["10.96.0.1", "fd00:10:96::1"] }));
        for (let n = 11; n < 31; n++) {
          await put(client, slice([endpoint(n)]));
          await eventually(`endpoint ${n} is there`, () => same(endpoints(), [`10.244.0.${n}:8080`]));
        }
        nft.failWhen(() => false, "");
        const table6 = { family: "ip6", name: "fairlead" } as const;
        await eventually("the other family is there too", () => nft.elements(table6, "cluster-ips").length === 1);
      },
      undefined,
      ["IPv4", "IPv6"],
    ));
  it("P34 P217 looks by itself, without a change, and puts the rules right after somebody deleted the table", () =>
    withProxy(async ({ client, nft, endpoints }) => {
      await put(client, service());
      await put(client, slice([endpoint(11)]));
      await eventually("the endpoint is there", () => endpoints().length === 1);
      nft.commit([{ op: "delete-table", table }]);
      await eventually("it is back", () => endpoints().length === 1);
    }));
  it("P154 P156 P157 deletes stale UDP flows when the first endpoint comes, the last one goes, and the Service goes", () =>
    withProxy(async ({ client, endpoints, flows }) => {
      const handle = { family: "IPv4", original: Buffer.alloc(0), id: undefined, zone: undefined } as const;
      const flow = (ip: string, port: number): Flow => ({
        destination: "10.96.0.1",
        port: 53,
        answerer: { ip, port },
        handle,
      });
      const other: Flow = { ...flow("10.0.0.9", 53), port: 54 };
      const dns = service({ ports: [{ port: 53, protocol: "UDP" }] });
      const slices = (...numbers: number[]) =>
        slice(
          numbers.map((n) => endpoint(n)),
          { ports: [{ port: 53, protocol: "UDP" }] },
        );
      flows.push(flow("10.96.0.1", 53), other);
      await put(client, dns);
      await put(client, slices(11));
      await eventually(
        "the flow without DNAT is gone",
        () =>
          endpoints().length === 1 &&
          same(
            flows.map((f) => f.answerer.ip),
            ["10.0.0.9"],
          ),
      );
      flows.push(flow("10.244.0.11", 53));
      await put(client, slices(11, 12));
      await eventually("both are there", () => endpoints().length === 2);
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.equal(flows.length, 2, "a flow to an endpoint that serves is left alone");
      await put(client, slices());
      await eventually("the flow to the last endpoint is gone", () => flows.length === 1);
      flows.push(flow("10.244.0.12", 53));
      await client.delete(services, { name: "web", namespace: "default" });
      await eventually("the flow to the deleted Service is gone", () => flows.length === 1);
    }));
  it("P152 P210 until the rules hold no flow is deleted and no health check speaks of them", () =>
    withProxy(async ({ client, nft, endpoints, flows }) => {
      const port = await freePort();
      const handle = { family: "IPv4", original: Buffer.alloc(0), id: undefined, zone: undefined } as const;
      const answerer = { ip: "10.96.0.1", port: 80 };
      flows.push({ destination: "10.96.0.1", port: 80, answerer, handle });
      nft.failWhen(() => true, "EPERM");
      await put(client, slice([endpoint(11)], { ports: [{ port: 8080, protocol: "UDP" }] }));
      const balanced = { type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: port } as const;
      await put(client, service({ ...balanced, ports: [{ port: 80, protocol: "UDP" }] }));
      const isFailed = async () =>
        (await client.list(events)).items.some(({ reason }) => reason === "FailedToSyncRules");
      await eventually("the rules are refused", isFailed);
      assert.equal(flows.length, 1);
      await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
      nft.failWhen(() => false, "");
      await eventually("the flow is gone", () => flows.length === 0);
      assert.equal(endpoints().length, 1);
      assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
    }));
  it("P151 a health check is answered while the kernel is written", async () => {
    const client = selectingClient(createMemoryClient());
    await client.create(nodes, node);
    const port = await freePort();
    const balanced = { type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: port } as const;
    await put(client, service(balanced));
    await put(client, slice([endpoint(11)]));
    const nft = fakeNftables();
    const plane = createNftablesDataPlane({ nftables: nft, families: ["IPv4"] });
    const written = Promise.withResolvers<void>();
    let isHeld = false;
    const slow: DataPlane = Object.create(plane, {
      sync: {
        value: async (changes: Changes) => {
          if (changes.full) return plane.sync(changes);
          isHeld = true;
          await written.promise;
          return plane.sync(changes);
        },
      },
    });
    const { proxy, end } = startOn(client, nft, { dataPlane: slow });
    try {
      await proxy.ready;
      await put(client, slice([endpoint(11), endpoint(12)]));
      await eventually("the kernel is written", () => isHeld);
      const answer = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1_000) });
      assert.equal(answer.headers.get("x-load-balancing-endpoint-weight"), "1");
      written.resolve();
      await eventually("both are there", () => endpointsOf(nft).length === 2);
    } finally {
      end();
    }
  });
  it("P92 tells a Service whose external IP another one has, once", () =>
    withProxy(async ({ client, proxy }) => {
      const externalIPs = ["192.168.80.1"];
      await put(client, service({ externalIPs, created: "2026-01-01T00:00:00Z" }));
      await put(
        client,
        service({ name: "young", clusterIP: "10.96.0.2", externalIPs, created: "2026-02-01T00:00:00Z" }),
      );
      const told = async () =>
        (await client.list(events)).items.filter(
          ({ reason, involvedObject }) => reason === "AddressInUse" && involvedObject.name === "young",
        );
      await eventually("an Event tells it", async () => (await told()).length === 1);
      for (const n of [11, 12, 13]) await put(client, slice([endpoint(n)], { of: "young", name: "young-1" }));
      await proxy.idle();
      const [event] = await told();
      assert.match(
        String(event?.message),
        /192\.168\.80\.1 port 80 \(TCP\) belongs to Service default\/web, which was first/,
      );
      assert.equal(event?.count, 1);
    }));
  it("P177 measures from the endpoint's change to the kernel", () =>
    withProxy(async ({ client, endpoints, metrics }) => {
      await put(client, service());
      const object = slice([endpoint(11)]);
      const annotations = {
        "endpoints.kubernetes.io/last-change-trigger-time": new Date(Date.now() + 1).toISOString(),
      };
      await put(client, { ...object, metadata: { ...object.metadata, annotations } });
      await eventually("the endpoint is there", () => endpoints().length === 1);
      const text = await metrics.format();
      assert.match(text, /kubeproxy_network_programming_duration_seconds_count\{ip_family="IPv4"\} 1/);
      assert.match(text, /kubeproxy_sync_proxy_rules_duration_seconds_count\{ip_family="IPv4"\} \d/);
    }));
  it("P212 leaves the rules when it ends", async () => {
    let left: FakeNftables | undefined;
    await withProxy(
      async ({ nft }) => {
        left = nft;
      },
      async ({ client }) => {
        await put(client, service());
        await put(client, slice([endpoint(11)]));
      },
    );
    assert.deepEqual(left && endpointsOf(left), ["10.244.0.11:8080"]);
  });
  const rulesOf = (nft: FakeNftables) => nft.dump();
  const range = (name: string, cidrs: string[]) =>
    ({ apiVersion: "networking.k8s.io/v1", kind: "ServiceCIDR", metadata: { name }, spec: { cidrs } }) as never;
  /** 10.97.0.0 as the rules have it. */
  const block = JSON.stringify("\n\u0061\u0000\u0000").slice(1, -1);
  it("P5 P37 a ServiceCIDR counts at once, until the last object that has it is gone", () =>
    withProxy(async ({ client, nft }) => {
      assert.ok(!rulesOf(nft).includes(block));
      await client.create(serviceCidrs, range("one", ["10.97.0.0/16"]));
      await eventually("free addresses are dropped", () => rulesOf(nft).includes(block));
      await client.create(serviceCidrs, range("two", ["10.97.0.0/16"]));
      await client.delete(serviceCidrs, { name: "one" });
      await new Promise((resolve) => setTimeout(resolve, 30));
      assert.ok(rulesOf(nft).includes(block), "another object has the block");
      await client.delete(serviceCidrs, { name: "two" });
      await eventually("they are not any more", () => !rulesOf(nft).includes(block));
    }));
  const primary = { nodePortAddresses: ["primary"] };
  const moveNode = async (client: ApiClient, change: Partial<Node>) => {
    const present = await client.get(nodes, "node-a");
    await client.update(nodes, { ...present, ...change } as Node, change.status ? { subresource: "status" } : {});
  };
  it("P196 the node's address changes, and node ports and source ranges follow", () =>
    withProxy(
      async ({ client, nft }) => {
        const text = (address: string) =>
          JSON.stringify(String.fromCharCode(...address.split(".").map(Number))).slice(1, -1);
        assert.ok(rulesOf(nft).includes(text("172.18.0.2")));
        await moveNode(client, {
          status: { addresses: [{ type: "InternalIP", address: "172.18.0.77" }] },
        } as Partial<Node>);
        await eventually("the new address is in the rules", () => rulesOf(nft).includes(text("172.18.0.77")));
        assert.ok(!rulesOf(nft).includes(text("172.18.0.2")));
      },
      undefined,
      ["IPv4"],
      primary,
    ));
  it("P122 with NodeCIDR waits for the Node's podCIDRs, and follows them", async () => {
    const client = selectingClient(createMemoryClient());
    const nft = fakeNftables();
    await client.create(nodes, node);
    const { proxy, end } = startOn(client, nft, { config: { detectLocalMode: "NodeCIDR" } });
    try {
      await new Promise((resolve) => setTimeout(resolve, 30));
      assert.equal(nft.commits, 0, "nothing is written before it is known what a Pod is");
      for (const [cidr, bytes] of [
        ["10.91.1.0/24", "\n[\u0001"],
        ["10.91.2.0/24", "\n[\u0002"],
      ] as const) {
        await moveNode(client, { spec: { podCIDRs: [cidr] } } as Partial<Node>);
        await proxy.ready;
        const wanted = JSON.stringify(bytes).slice(1, -1);
        await eventually(`${cidr} is in the rules`, () => rulesOf(nft).includes(wanted));
      }
    } finally {
      end();
    }
  });
  it("P45 P46 with AllowServiceExternalIPs=false external IPs are as if they were not there", () =>
    withProxy(
      async ({ client, nft }) => {
        const external = { externalIPs: ["192.168.80.1"], externalTrafficPolicy: "Local" as const };
        await put(client, service(external));
        await put(client, slice([endpoint(11)]));
        await eventually("the clusterIP is there", () => nft.elements(table, "cluster-ips").length === 1);
        assert.equal(nft.elements(table, "vips").length, 1);
      },
      undefined,
      ["IPv4"],
      { allowServiceExternalIPs: false },
    ));
  it("P175 an Event on the Node says that it starts, in which mode and why", () =>
    withProxy(async ({ client }) => {
      await eventually("the Event is there", async () => {
        const { items } = await client.list(events);
        return items.some(
          ({ reason, type, message, involvedObject }) =>
            reason === "Starting" &&
            type === "Normal" &&
            involvedObject.kind === "Node" &&
            message === "Proxy mode nftables (as told)",
        );
      });
    }));
  it("P149 an Event on the Service tells of a health check that cannot be served", async () => {
    const taken = createServer().listen(0, "0.0.0.0");
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as AddressInfo;
    try {
      await withProxy(async ({ client }) => {
        await put(client, service({ type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: port }));
        await eventually("the Event is there", async () => {
          const { items } = await client.list(events);
          return items.some(
            ({ reason, involvedObject }) =>
              reason === "FailedToStartServiceHealthcheck" &&
              involvedObject.kind === "Service" &&
              involvedObject.name === "web",
          );
        });
      });
    } finally {
      taken.close();
    }
  });
  it("P174 with bindAddressHardFail an address that is taken ends it, with an Event on the Node", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as AddressInfo;
    const client = selectingClient(createMemoryClient());
    await client.create(nodes, node);
    const abort = new AbortController();
    try {
      const { failed } = startProxy({
        client,
        nodeName: "node-a",
        config: { healthzBindAddress: `127.0.0.1:${port}`, metricsBindAddress: "", bindAddressHardFail: true },
        log: createLog(() => {}),
        signal: abort.signal,
        dataPlane: createNftablesDataPlane({ nftables: fakeNftables(), families: ["IPv4"] }),
        conntrack: { flows: () => [], delete: () => false, close: () => {} },
      });
      await assert.rejects(failed, /EADDRINUSE/);
      const { items } = await client.list(events);
      assert.ok(items.some(({ reason }) => reason === "FailedToStartProxierHealthcheck"));
    } finally {
      abort.abort();
      taken.close();
    }
  });
  it("refuses a config that cannot be used", () => {
    const start = (config: object) => () =>
      startProxy({
        client: createMemoryClient(),
        nodeName: "n",
        config,
        dataPlane: createNftablesDataPlane({ nftables: fakeNftables() }),
        log: createLog(() => {}),
        signal: AbortSignal.abort(),
      });
    assert.throws(start({ clusterCIDR: ["10.0.0.0"] }), /Cannot use clusterCIDR "10.0.0.0"/);
    assert.throws(start({ masqueradeBit: 32 }), /must be 0 to 31/);
    assert.throws(start({ nodePortAddresses: ["primary", "10.0.0.0/8"] }), /must stand alone/);
  });
});
