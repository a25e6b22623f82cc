import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { EndpointSlice, Service } from "../api/object.ts";
import { computeService } from "./compute.ts";
import { packSlice } from "./packed-slice.ts";
import { endpointText, type ServicePort } from "./state.ts";
import { type EndpointFixture, nodeA, type ServiceFixture, service, slice } from "./testing/fixtures.ts";
import { Tracker } from "./tracker.ts";

const compute = (fixture: ServiceFixture, slices: readonly EndpointSlice[] = []) =>
  computeService(service(fixture), slices, nodeA);
const only = (ports: readonly ServicePort[]): ServicePort => {
  assert.equal(ports.length, 1);
  return ports[0] as ServicePort;
};
const here = (n: number, more: Partial<EndpointFixture> = {}): EndpointFixture => ({ ip: `10.244.0.${n}`, ...more });
const there = (n: number, more: Partial<EndpointFixture> = {}): EndpointFixture => ({
  ip: `10.244.1.${n}`,
  node: "node-b",
  ...more,
});
const dying = { ready: false, serving: true, terminating: true };

describe("computeService: which Services and slices count", () => {
  const none: [string, ServiceFixture][] = [
    [
      "P1 given to another proxy, even by an empty label",
      { labels: { "service.kubernetes.io/service-proxy-name": "" } },
    ],
    ["P6 headless", { clusterIP: "None" }],
    ["P6 without a clusterIP", { clusterIP: "", clusterIPs: [] }],
    ["P6 ExternalName", { type: "ExternalName" }],
  ];
  for (const [name, fixture] of none) it(name, () => assert.deepEqual(compute(fixture, [slice(["10.244.0.1"])]), []));

  it("P7 P201 a port for each family that has a clusterIP", () => {
    const ports = compute({
      clusterIP: "10.96.0.1",
      clusterIPs: ["10.96.0.1", "fd00:10:96::1"],
      externalIPs: ["192.168.80.1"],
    });
    assert.deepEqual(
      ports.map(({ name }) => name),
      ["default/web:/TCP/IPv4", "default/web:/TCP/IPv6"],
    );
    assert.deepEqual(ports[1]?.vips, [{ address: "fd00:10:96::1", role: "clusterIP" }]);
    assert.deepEqual(
      compute({ clusterIP: "fd00:10:96::1" }).map(({ family }) => family),
      ["IPv6"],
    );
  });
  it("P9 ports with one number and two protocols are two", () => {
    const ports = compute({
      ports: [
        { name: "t", port: 53, protocol: "TCP" },
        { name: "u", port: 53, protocol: "UDP" },
      ],
    });
    assert.deepEqual(
      ports.map(({ protocol }) => protocol),
      ["TCP", "UDP"],
    );
  });

  const matching: [string, EndpointSlice, string[]][] = [
    ["P10 a slice of another family", slice(["fd00::1"], { addressType: "IPv6" }), []],
    ["P10 FQDN slices", slice(["example.com"], { addressType: "FQDN" }), []],
    ["P13 a port without a number", slice(["10.244.0.1"], { ports: [{}] }), []],
    ["P14 another port name", slice(["10.244.0.1"], { ports: [{ name: "x", port: 80 }] }), []],
    ["P14 another protocol", slice(["10.244.0.1"], { ports: [{ port: 80, protocol: "UDP" }] }), []],
    [
      "P14 the slice's number is the destination",
      slice(["10.244.0.1"], { ports: [{ port: 1234 }] }),
      ["10.244.0.1:1234"],
    ],
    ["P16 leading zeros", slice(["010.244.000.001"]), ["10.244.0.1:8080"]],
    ["P17 absent conditions are ready", slice(["10.244.0.1"]), ["10.244.0.1:8080"]],
  ];
  for (const [name, object, want] of matching) {
    it(name, () => assert.deepEqual(only(compute({}, [object])).clusterEndpoints.map(endpointText), want));
  }
  it("P19 one that terminates gives way to one that does not, whichever comes first", () => {
    const old = slice([here(1, dying)], { name: "a" });
    const young = slice([there(1, { ip: "10.244.0.1" })], { name: "b" });
    for (const slices of [
      [old, young],
      [young, old],
    ]) {
      const [endpoint] = only(compute({}, slices)).clusterEndpoints;
      assert.deepEqual(endpoint, { ip: "10.244.0.1", port: 8080, local: false, unplaced: false });
    }
  });
  it("P25 endpoints are sorted", () => {
    const port = only(compute({}, [slice([here(9), here(10), here(2)])]));
    assert.deepEqual(port.clusterEndpoints.map(endpointText), [
      "10.244.0.2:8080",
      "10.244.0.9:8080",
      "10.244.0.10:8080",
    ]);
  });
});

describe("computeService: routes", () => {
  const routes: [
    string,
    ServiceFixture,
    EndpointFixture[],
    { internal?: string; external?: string; cluster?: number; local?: number },
  ][] = [
    ["P80 nothing anywhere", {}, [], { internal: "reject", external: "reject" }],
    ["P56 only endpoints that are not ready", {}, [here(1, { ready: false })], { internal: "reject" }],
    ["P57 terminating ones that do not serve", {}, [here(1, { ...dying, serving: false })], { internal: "reject" }],
    ["P52 terminating ones that serve", {}, [here(1, dying), there(1, dying)], { internal: "cluster", cluster: 2 }],
    ["P55 a ready one beside them", {}, [here(1, dying), there(1)], { internal: "cluster", cluster: 1 }],
    [
      "P39 internal Local",
      { internalTrafficPolicy: "Local" },
      [here(1), there(1)],
      { internal: "local", cluster: 0, local: 1 },
    ],
    [
      "P81 internal Local, endpoints elsewhere",
      { internalTrafficPolicy: "Local" },
      [there(1)],
      { internal: "drop", cluster: 0, local: 0 },
    ],
    ["P81 internal Local, none anywhere", { internalTrafficPolicy: "Local" }, [], { internal: "reject" }],
    [
      "P82 external Local",
      { type: "NodePort", externalTrafficPolicy: "Local", ports: [{ port: 80, nodePort: 30001 }] },
      [here(1), there(1)],
      { internal: "cluster", external: "local", cluster: 2, local: 1 },
    ],
    [
      "P41 P82 external Local, endpoints elsewhere: Pods and the node need them",
      { type: "NodePort", externalTrafficPolicy: "Local", ports: [{ port: 80, nodePort: 30001 }] },
      [there(1)],
      { external: "drop", cluster: 1, local: 0 },
    ],
    [
      "P54 the fallbacks are independent",
      { type: "NodePort", externalTrafficPolicy: "Local", ports: [{ port: 80, nodePort: 30001 }] },
      [here(1, dying), there(1)],
      { external: "local", cluster: 1, local: 1 },
    ],
    [
      "P41 internal Local with a node port: the outside uses all",
      { type: "NodePort", internalTrafficPolicy: "Local", ports: [{ port: 80, nodePort: 30001 }] },
      [here(1), there(1)],
      { internal: "local", external: "cluster", cluster: 2, local: 1 },
    ],
    [
      "P38 P42 external Local of a Service without outside addresses uses nothing local",
      { externalTrafficPolicy: "Local", ingress: [{ ip: "192.168.70.1", ipMode: "Proxy" }] },
      [here(1), there(1)],
      { internal: "cluster", cluster: 2, local: 0 },
    ],
    [
      "P38 P42 an external IP of the family makes it reachable from outside",
      { externalTrafficPolicy: "Local", externalIPs: ["192.168.80.1"] },
      [here(1), there(1)],
      { external: "local", cluster: 2, local: 1 },
    ],
    [
      "P38 P42 so does a load-balancer IP in VIP mode",
      { type: "LoadBalancer", externalTrafficPolicy: "Local", ingress: [{ ip: "192.168.70.1" }] },
      [here(1), there(1)],
      { external: "local", cluster: 2, local: 1 },
    ],
    [
      "P38 P42 and one of the other family does not",
      { externalTrafficPolicy: "Local", externalIPs: ["fd00::80"] },
      [here(1), there(1)],
      { cluster: 2, local: 0 },
    ],
    [
      "P59 P60 internal Local and not external: no remote state",
      { internalTrafficPolicy: "Local" },
      [there(1), there(2)],
      { cluster: 0 },
    ],
  ];
  for (const [name, fixture, endpoints, want] of routes) {
    it(name, () => {
      const port = only(compute(fixture, [slice(endpoints)]));
      const found = {
        internal: port.internal,
        external: port.external,
        cluster: port.clusterEndpoints.length,
        local: port.localEndpoints.length,
      };
      assert.deepEqual({ ...found, ...want }, found);
    });
  }
});

describe("computeService: hints", () => {
  const hinted: [string, EndpointFixture[], string[]][] = [
    ["P68 this node", [here(1, { nodes: ["node-a"] }), there(1, { nodes: ["node-b"] })], ["10.244.0.1:8080"]],
    [
      "P71 those that name this node, beside others",
      [here(1, { nodes: ["node-b", "node-a"] }), there(1, { nodes: ["node-a"] }), there(2, { nodes: ["node-b"] })],
      ["10.244.0.1:8080", "10.244.1.1:8080"],
    ],
    [
      "P71 those that name this zone, beside others",
      [here(1, { zones: ["z2"] }), there(1, { zones: ["z2", "z1"] }), there(2, { zones: ["z1"] })],
      ["10.244.1.1:8080", "10.244.1.2:8080"],
    ],
    ["P69 this zone", [here(1, { zones: ["z1"] }), there(1, { zones: ["z2"] })], ["10.244.0.1:8080"]],
    [
      "P70 nobody hints for this zone",
      [here(1, { zones: ["z3"] }), there(1, { zones: ["z2"] })],
      ["10.244.0.1:8080", "10.244.1.1:8080"],
    ],
    ["P70 one hint is missing", [here(1, { zones: ["z1"] }), there(1)], ["10.244.0.1:8080", "10.244.1.1:8080"]],
    [
      "P67 only ready ones must have hints",
      [here(1, { zones: ["z1"] }), there(1, { ready: false })],
      ["10.244.0.1:8080"],
    ],
    [
      "P72 no node hint for here: the zone decides",
      [here(1, { nodes: ["node-c"], zones: ["z1"] }), there(1, { nodes: ["node-b"], zones: ["z2"] })],
      ["10.244.0.1:8080"],
    ],
  ];
  for (const [name, endpoints, want] of hinted) {
    it(name, () => assert.deepEqual(only(compute({}, [slice(endpoints)])).clusterEndpoints.map(endpointText), want));
  }
  it("P21 what the Service says of the topology is not read: only hints count", () => {
    const wishes = service({ trafficDistribution: "PreferSameNode" });
    const annotations = { "service.kubernetes.io/topology-mode": "Auto" };
    const object: Service = { ...wishes, metadata: { ...wishes.metadata, annotations } };
    const slices = [slice([here(1), there(1)])];
    assert.equal(only(computeService(object, slices, nodeA)).clusterEndpoints.length, 2);
  });
  it("P66 hints do not touch policy Local", () => {
    const port = only(
      compute({ internalTrafficPolicy: "Local" }, [slice([here(1, { zones: ["z2"] }), there(1, { zones: ["z1"] })])]),
    );
    assert.deepEqual(port.localEndpoints.map(endpointText), ["10.244.0.1:8080"]);
  });
});

describe("computeService: addresses and ranges", () => {
  it("P43 load-balancer IPs in VIP mode of the family, no host names", () => {
    const ingress = [
      { ip: "192.168.70.1" },
      { ip: "192.168.70.2", ipMode: "Proxy" },
      { hostname: "lb.example" },
      { ip: "fd00::7" },
    ];
    assert.deepEqual(
      only(compute({ type: "LoadBalancer", ingress })).vips.map(({ address }) => address),
      ["10.96.0.1", "192.168.70.1"],
    );
  });
  const ranges: [string, string[], string[]][] = [
    ["P47 blanks, leading zeros and host bits", [" 192.168.050.7/24 "], ["192.168.50.0/24"]],
    ["P47 a prefix of zero is no filter", ["10.0.0.0/8", "0.0.0.0/0"], []],
    ["P47 only the other family's", ["fd00::/64"], []],
    ["P126 the node's own range lets the VIP be a source", ["172.18.0.0/16"], ["172.18.0.0/16", "192.168.70.1/32"]],
  ];
  for (const [name, loadBalancerSourceRanges, want] of ranges) {
    it(name, () =>
      assert.deepEqual(
        only(compute({ loadBalancerSourceRanges, ingress: [{ ip: "192.168.70.1" }] })).sourceRanges,
        want,
      ),
    );
  }
});

it("P48 source ranges of the old annotation are not read", () => {
  const balanced = service({ type: "LoadBalancer", ingress: [{ ip: "192.168.70.1" }] });
  const annotations = { "service.beta.kubernetes.io/load-balancer-source-ranges": "10.0.0.0/8" };
  const object: Service = { ...balanced, metadata: { ...balanced.metadata, annotations } };
  assert.deepEqual(only(computeService(object, [], nodeA)).sourceRanges, []);
});

describe("Tracker", () => {
  const tracked = (...objects: Service[]) => {
    const tracker = new Tracker(nodeA);
    for (const object of objects) tracker.setService(object);
    return tracker;
  };
  it("recomputes only the Service of a slice that changed", () => {
    const tracker = tracked(service(), service({ name: "other", clusterIP: "10.96.0.2" }));
    tracker.setSlice(slice(["10.244.0.1"]));
    assert.deepEqual([...tracker.compute().keys()].sort(), ["default/other", "default/web"]);
    tracker.setSlice(slice(["10.244.0.2"]));
    assert.deepEqual([...tracker.compute().keys()], ["default/web"]);
    assert.equal(tracker.compute().size, 0);
  });

  it("tells everything at any time, conflicts once", () => {
    const clusterIP = "10.96.0.7";
    const tracker = tracked(service({ clusterIP }), service({ name: "other", clusterIP }));
    tracker.setSlice(slice(["10.244.0.1"]));
    const all = tracker.compute();
    const told = tracker.conflicts("default/web") ?? tracker.conflicts("default/other");
    assert.deepEqual(tracker.everything(), all);
    assert.equal(all.size, 2);
    assert.equal(told?.messages.length, 1);
    assert.deepEqual(tracker.conflicts("default/web") ?? tracker.conflicts("default/other"), told);
    assert.equal(tracker.compute().size, 0, "nothing is left to be told");
  });

  it("tells a change that came before everything was asked for, to who asks for changes", () => {
    const clusterIP = "10.96.0.7";
    const tracker = tracked(service({ clusterIP }), service({ name: "other", clusterIP }));
    tracker.compute();
    tracker.removeService("default/web");
    tracker.setSlice(slice(["10.244.0.9"], { name: "other-1", of: "other" }));
    const all = tracker.everything();
    assert.deepEqual(all.get("default/web"), []);
    assert.deepEqual(tracker.compute(), all, "the one that is gone, and the one that has its address now");
    assert.equal(tracker.compute().size, 0);
  });
  it("P26 changes between two computations count as one, the last", () => {
    const tracker = tracked(service());
    for (const ip of ["10.244.0.1", "10.244.0.2", "10.244.0.3"]) tracker.setSlice(slice([ip]));
    tracker.setService(service({ name: "gone", clusterIP: "10.96.0.2" }));
    tracker.removeService("default/gone");
    const changes = tracker.compute();
    assert.deepEqual(changes.get("default/web")?.[0]?.clusterEndpoints.map(endpointText), ["10.244.0.3:8080"]);
    assert.deepEqual(changes.get("default/gone"), []);
  });
  it("P28 a slice that goes and was never seen is no change", () => {
    const tracker = tracked(service());
    tracker.compute();
    tracker.removeSlice("default/never");
    assert.equal(tracker.compute().size, 0);
  });
  it("P29 nothing holds a slice that is gone", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const tracker = tracked(service());
    const held = (() => {
      const object = packSlice(slice(["10.244.0.1"]));
      tracker.setSlice(object);
      tracker.compute();
      return new WeakRef(object);
    })();
    const isHeld = async () => {
      await new Promise(setImmediate);
      collect();
      return held.deref() !== undefined;
    };
    assert.equal(await isHeld(), true);
    tracker.removeSlice("default/web-1");
    tracker.compute();
    assert.equal(await isHeld(), false);
  });
  it("computes ahead what a later change, of the Service, a slice or the node, does not make stale", () => {
    const endpoints = (tracker: Tracker) =>
      tracker
        .compute()
        .get("default/web")?.[0]
        ?.clusterEndpoints.map(({ ip, local }) => `${ip} ${local}`);
    const tracker = tracked();
    tracker.setSlice(slice(["10.244.0.1"]));
    tracker.prepare();
    tracker.setService(service());
    tracker.prepare();
    assert.deepEqual(endpoints(tracker)?.length, 1);
    tracker.setSlice(slice(["10.244.0.1"]));
    tracker.prepare();
    tracker.setSlice(slice(["10.244.0.2", "10.244.0.3"]));
    assert.deepEqual(
      endpoints(tracker)?.map((text) => text.split(" ")[0]),
      ["10.244.0.2", "10.244.0.3"],
    );
    tracker.setSlice(slice(["10.244.0.2"]));
    tracker.prepare();
    tracker.setNode({ ...nodeA, zone: "elsewhere" });
    tracker.removeService("default/web");
    tracker.prepare();
    assert.deepEqual(tracker.compute().get("default/web"), []);
  });
  it("follows a slice that changes its Service", () => {
    const tracker = tracked(service(), service({ name: "other", clusterIP: "10.96.0.2" }));
    tracker.setSlice(slice(["10.244.0.1"]));
    tracker.compute();
    tracker.setSlice(slice(["10.244.0.1"], { of: "other" }));
    const counts = [...tracker.compute()].map(([name, [port]]) => [name, port?.clusterEndpoints.length]);
    assert.deepEqual(counts.sort(), [
      ["default/other", 1],
      ["default/web", 0],
    ]);
  });
  it("P92 gives an address to the older Service, and to the other when it goes, in either order of arrival", () => {
    const old = service({ externalIPs: ["192.168.80.1"], created: "2026-01-01T00:00:00Z" });
    const young = service({
      name: "young",
      clusterIP: "10.96.0.2",
      externalIPs: ["192.168.80.1"],
      created: "2026-02-01T00:00:00Z",
    });
    const external = (ports: readonly ServicePort[] | undefined) =>
      ports?.[0]?.vips.filter(({ role }) => role === "externalIP").length;
    for (const objects of [
      [old, young],
      [young, old],
    ]) {
      const tracker = tracked();
      for (const object of objects) tracker.setService(object);
      const state = tracker.compute();
      assert.equal(external(state.get("default/web")), 1);
      assert.equal(external(state.get("default/young")), 0);
      tracker.removeService("default/web");
      assert.equal(external(tracker.compute().get("default/young")), 1);
    }
  });
  it("P255 a clusterIP that is used again belongs to one Service at a time", () => {
    const tracker = tracked(service({ created: "2026-01-01T00:00:00Z" }));
    tracker.compute();
    tracker.setService(service({ name: "next", created: "2026-02-01T00:00:00Z" }));
    assert.deepEqual(tracker.compute().get("default/next")?.[0]?.vips, []);
    tracker.removeService("default/web");
    assert.equal(tracker.compute().get("default/next")?.[0]?.vips.length, 1);
  });
});
