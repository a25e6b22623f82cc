import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../../api/object.ts";
import { ServiceAllocator } from "./service-allocator.ts";

const service = (spec: Partial<Service["spec"]>, name = "s"): Service =>
  ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { type: "ClusterIP", selector: { a: "b" }, ...spec },
  }) as Service;

const allocator = (serviceCidrs = ["10.96.0.0/16"], from = 30000, to = 32767) =>
  new ServiceAllocator({ serviceCidrs, nodePortRange: { from, to }, random: () => 0 });

const faults = (allocation: { faults: readonly { field: string; detail: string }[] }): string[] =>
  allocation.faults.map(({ field, detail }) => `${field}: ${detail}`);

test("allocate() fills a ClusterIP Service from the dynamic band", () => {
  const one = service({});
  assert.deepEqual(faults(allocator().allocate(one)), []);
  assert.equal(one.spec.clusterIP, "10.96.1.0");
  assert.deepEqual(one.spec.clusterIPs, ["10.96.1.0"]);
  assert.deepEqual([one.spec.ipFamilies, one.spec.ipFamilyPolicy], [["IPv4"], "SingleStack"]);
});

test("allocate() gives headless and ExternalName Services no address", () => {
  const headless = service({ clusterIP: "None" });
  const external = service({ type: "ExternalName", externalName: "a.example" });
  const allocate = allocator();
  assert.deepEqual([...faults(allocate.allocate(headless)), ...faults(allocate.allocate(external))], []);
  assert.deepEqual(headless.spec.clusterIPs, ["None"]);
  assert.equal(external.spec.clusterIP, undefined);
  assert.equal(external.spec.ipFamilies, undefined);
});

test("allocate() words taken and foreign addresses as Kubernetes does", () => {
  const allocate = allocator();
  const first = allocate.allocate(service({ clusterIP: "10.96.0.10" }));
  first.commit();
  assert.deepEqual(faults(allocate.allocate(service({ clusterIP: "10.96.0.10" }))), [
    'spec.clusterIPs: Invalid value: ["10.96.0.10"]: failed to allocate IP 10.96.0.10: provided IP is already allocated',
  ]);
  assert.deepEqual(faults(allocate.allocate(service({ clusterIP: "10.97.0.1" }))), [
    'spec.clusterIPs: Invalid value: ["10.97.0.1"]: failed to allocate IP 10.97.0.1: the provided IP (10.97.0.1) is not in the valid range. The range of valid IPs is 10.96.0.0/16',
  ]);
});

test("allocate() gives node ports, shares them between TCP and UDP, and refuses others", () => {
  const allocate = allocator();
  const dns = service({
    type: "NodePort",
    ports: [
      { name: "tcp", port: 53, protocol: "TCP" },
      { name: "udp", port: 53, protocol: "UDP" },
    ],
  });
  assert.deepEqual(faults(allocate.allocate(dns)), []);
  assert.deepEqual(
    dns.spec.ports?.map(({ nodePort }) => nodePort),
    [30086, 30086],
  );
  const taken = service({ type: "NodePort", ports: [{ port: 80, nodePort: 30086 }] });
  assert.deepEqual(faults(allocate.allocate(taken)), [
    "spec.ports[0].nodePort: Invalid value: 30086: provided port is already allocated",
  ]);
  const outside = service({ type: "NodePort", ports: [{ port: 80, nodePort: 80 }] });
  assert.deepEqual(faults(allocate.allocate(outside)), [
    "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767",
  ]);
});

test("a reverted allocation leaves nothing taken, a committed update gives back what was dropped", () => {
  const allocate = allocator(["10.96.0.0/30"], 30000, 30000);
  const failed = allocate.allocate(service({ type: "NodePort", ports: [{ port: 80 }] }));
  failed.revert();
  const old = service({ type: "NodePort", ports: [{ port: 80 }] });
  allocate.allocate(old).commit();
  assert.equal(old.spec.ports?.[0]?.nodePort, 30000);
  const next = service({ ...structuredClone(old.spec), type: "ClusterIP", ports: [{ port: 80 }] });
  const update = allocate.allocate(next, old);
  const early = service({ type: "NodePort", ports: [{ port: 81 }] });
  assert.deepEqual(faults(allocate.allocate(early)), [
    "spec.ports: Internal error: failed to allocate a nodePort: range is full",
  ]);
  update.commit();
  assert.deepEqual(faults(allocate.allocate(service({ type: "NodePort", ports: [{ port: 81 }] }))), []);
});

test("an update without the allocated fields keeps them", () => {
  const allocate = allocator();
  const old = service({ type: "NodePort", ports: [{ name: "http", port: 80 }] });
  allocate.allocate(old).commit();
  const next = service({ type: "NodePort", ports: [{ name: "http", port: 81 }] });
  allocate.allocate(next, old).commit();
  assert.equal(next.spec.clusterIP, old.spec.clusterIP);
  assert.equal(next.spec.ports?.[0]?.nodePort, old.spec.ports?.[0]?.nodePort);
});

test("adopt() and release() follow what is stored", () => {
  const allocate = allocator();
  const stored = service({
    type: "LoadBalancer",
    clusterIP: "10.96.0.7",
    clusterIPs: ["10.96.0.7"],
    externalTrafficPolicy: "Local",
    healthCheckNodePort: 30002,
    ports: [{ port: 80, nodePort: 30001 }],
  });
  allocate.adopt(stored);
  const again = (): string[] => faults(allocate.allocate(service({ clusterIP: "10.96.0.7" })));
  assert.equal(again().length, 1);
  allocate.release(stored);
  assert.deepEqual(again(), []);
});

test("the address pool ends: every usable address once, then 500", () => {
  const allocate = allocator(["192.168.7.0/28"]);
  const addresses = new Set<string>();
  for (let index = 0; index < 14; index++) {
    const one = service({});
    allocate.allocate(one).commit();
    addresses.add(one.spec.clusterIP ?? "");
  }
  assert.equal(addresses.size, 14);
  assert.ok(!addresses.has("192.168.7.0") && !addresses.has("192.168.7.15"));
  assert.deepEqual(faults(allocate.allocate(service({}))), [
    "spec.clusterIPs: Internal error: failed to allocate a serviceIP: range is full",
  ]);
});

test("dual-stack requests are refused on a single-stack cluster and served on a dual one", () => {
  assert.deepEqual(faults(allocator().allocate(service({ ipFamilyPolicy: "RequireDualStack" }))), [
    'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
  ]);
  assert.deepEqual(faults(allocator().allocate(service({ ipFamilies: ["IPv6"] }))), [
    'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
  ]);
  const both = service({ ipFamilyPolicy: "PreferDualStack" });
  assert.deepEqual(faults(allocator(["10.96.0.0/16", "fd00:10:96::/112"]).allocate(both)), []);
  assert.deepEqual(both.spec.clusterIPs, ["10.96.1.0", "fd00:10:96::100"]);
});
