import assert from "node:assert/strict";
import { test } from "node:test";
import type { IPAddress, Service } from "../../api/object.ts";
import { judgeNodePorts, planAddressRepair, type Stored } from "./repair-plan.ts";

const nowMs = Date.parse("2026-01-01T00:10:00Z");
const old = "2026-01-01T00:00:00Z";

const service = (name: string, clusterIP: string, more: Partial<Service["spec"]> = {}): Service =>
  ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "ns" },
    spec: { type: "ClusterIP", clusterIP, clusterIPs: [clusterIP], ...more },
  }) as Service;

const address = (
  name: string,
  owner: string,
  more: { resource?: string; created?: string; labels?: object } = {},
): IPAddress =>
  ({
    apiVersion: "networking.k8s.io/v1",
    kind: "IPAddress",
    metadata: {
      name,
      creationTimestamp: more.created ?? old,
      labels: more.labels ?? {
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
        "ipaddress.kubernetes.io/ip-family": name.includes(":") ? "IPv6" : "IPv4",
      },
    },
    spec: { parentRef: { group: "", resource: more.resource ?? "services", namespace: "ns", name: owner } },
  }) as IPAddress;

const plan = (services: Service[], addresses: IPAddress[], more: Partial<Stored> = {}) => {
  const repair = planAddressRepair({
    services,
    addresses,
    contains: (ip) => ip.startsWith("10.") || ip.includes(":"),
    nowMs,
    wrongSinceMs: () => 0,
    isStart: false,
    ...more,
  });
  return {
    faults: repair.faults.map(({ object, reason }) => `${object.metadata.name} ${reason}`),
    delete: repair.delete,
    create: repair.create.map(({ address, owner }) => `${address} ${owner.metadata.name}`),
    againInMs: repair.againInMs,
  };
};
const nothing = { faults: [], delete: [], create: [], againInMs: undefined };

test("S95: what agrees is left alone, and so are others' addresses", () => {
  const foreign = address("10.0.0.9", "gateway", { resource: "gateways", labels: {} });
  const both = service("a", "10.0.0.1", { clusterIPs: ["10.0.0.1", "fd00::1"] });
  assert.deepEqual(plan([both], [address("10.0.0.1", "a"), address("fd00::1", "a"), foreign]), nothing);
  const away = service("x", "None", { type: "ExternalName" });
  assert.deepEqual(plan([away, service("h", "None")], []), nothing);
});

test("S95: cluster IPs that are none, out of range, not recorded, recorded wrongly or held twice", () => {
  assert.deepEqual(plan([service("a", "ten")], []), { ...nothing, faults: ["a ClusterIPNotValid"] });
  assert.deepEqual(plan([service("a", "192.0.2.1")], []), { ...nothing, faults: ["a ClusterIPOutOfRange"] });
  const missing = { ...nothing, faults: ["a ClusterIPNotAllocated"], create: ["10.0.0.1 a"] };
  assert.deepEqual(plan([service("a", "10.0.0.1")], []), missing);
  const again = { ...missing, delete: ["10.0.0.1"] };
  assert.deepEqual(plan([service("a", "10.0.0.1")], [address("10.0.0.1", "gone")]), again);
  assert.deepEqual(plan([service("a", "10.0.0.1")], [address("10.0.0.1", "a", { resource: "pods" })]), again);
  const relabelled = address("10.0.0.1", "a", { labels: {} });
  assert.deepEqual(plan([service("a", "10.0.0.1")], [relabelled]), { ...again, faults: [] });
  const twice = plan([service("a", "10.0.0.1"), service("b", "10.0.0.1")], [address("10.0.0.1", "a")]);
  assert.deepEqual(twice, { ...nothing, faults: ["b ClusterIPAlreadyAllocated"] });
});

test("S95: a leaked address goes after a minute, one with a wrong reference after five seconds", () => {
  const leaked = address("10.0.0.1", "gone");
  const gone = { ...nothing, faults: ["10.0.0.1 IPAddressNotAllocated"], delete: ["10.0.0.1"] };
  assert.deepEqual(plan([], [leaked]), gone);
  const young = address("10.0.0.1", "gone", { created: "2026-01-01T00:09:30Z" });
  assert.deepEqual(plan([], [young]), { ...nothing, againInMs: 30_000 });
  assert.deepEqual(plan([], [young], { isStart: true }), gone);
  assert.deepEqual(plan([], [leaked], { wrongSinceMs: () => nowMs - 1000 }), { ...nothing, againInMs: 4000 });
  const moved = plan([service("a", "10.0.0.2")], [address("10.0.0.1", "a"), address("10.0.0.2", "a")]);
  assert.deepEqual(moved, { ...gone, faults: ["10.0.0.1 IPAddressWrongReference"] });
  const changed = plan([], [address("10.0.0.1", "p", { resource: "pods" })]);
  assert.deepEqual(changed, { ...nothing, faults: ["10.0.0.1 IPAddressNotAllocated"], delete: ["10.0.0.1"] });
});

test("S87, E63: node ports that two Services have, or that no Service may have", () => {
  const exposed = (name: string, ...ports: number[]): Service =>
    service(name, "10.0.0.1", { type: "NodePort", ports: ports.map((nodePort) => ({ port: 1, nodePort })) });
  const faults = judgeNodePorts([exposed("a", 30001, 30001), exposed("b", 30001, 80)], { from: 30000, to: 32767 });
  assert.deepEqual(
    faults.map(({ object, reason, message }) => `${object.metadata.name} ${reason}: ${message}`),
    [
      "b PortAlreadyAllocated: Port 30001 was assigned to multiple services; please recreate service",
      "b PortOutOfRange: Port 80 is not within the port range 30000-32767; please recreate service",
    ],
  );
});
