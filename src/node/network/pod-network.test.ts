import assert from "node:assert/strict";
import test from "node:test";
import type { Node } from "../../api/object.ts";
import { IpAllocator } from "./ip-allocator.ts";
import { hostLinkName, podRoutes } from "./pod-network.ts";

test("IpAllocator hands out addresses in turn, and a returned one last", () => {
  const addresses = new IpAllocator(["10.244.3.0/29"]);
  assert.deepEqual(addresses.withPrefix(addresses.gateways), ["10.244.3.1/29"]);
  const all = Array.from({ length: 5 }, () => addresses.allocate()?.join());
  assert.deepEqual(all, ["10.244.3.2", "10.244.3.3", "10.244.3.4", "10.244.3.5", "10.244.3.6"]);
  assert.equal(addresses.allocate(), undefined);
  addresses.release(["10.244.3.4"]);
  addresses.release(["10.244.3.2"]);
  assert.deepEqual([addresses.allocate(), addresses.allocate()], [["10.244.3.2"], ["10.244.3.4"]]);
});

test("IpAllocator goes on after the addresses that were found in use", () => {
  const addresses = new IpAllocator(["10.244.3.0/24"]);
  addresses.take(["10.244.3.9"]);
  addresses.take(["10.244.3.4"]);
  assert.deepEqual(addresses.allocate(), ["10.244.3.10"]);
});

test("a Pod has the same place in the range of each family", () => {
  const addresses = new IpAllocator(["10.244.1.0/24", "fd00:10:244:1::/64"]);
  assert.deepEqual(addresses.withPrefix(addresses.gateways), ["10.244.1.1/24", "fd00:10:244:1::1/64"]);
  addresses.take(["10.244.1.2", "fd00:10:244:1::2"]);
  assert.deepEqual(addresses.allocate(), ["10.244.1.3", "fd00:10:244:1::3"]);
});

for (const cidr of ["10.244.3.0/31", "fd00::/127", "x", "10.244.3.0"]) {
  test(`IpAllocator refuses "${cidr}"`, () => assert.throws(() => new IpAllocator([cidr]), /^RangeError: Cannot use /));
}

test("names of links", () => {
  assert.match(hostLinkName("7f6c2a0e-1111-2222-3333-444455556666"), /^veth[0-9a-f]{11}$/);
});

test("podRoutes() leads to every other node that has a range and an address", () => {
  const node = (name: string, podCIDR?: string, address?: string): Node => ({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name },
    spec: podCIDR ? { podCIDR } : {},
    status: address ? { addresses: [{ type: "InternalIP", address }] } : {},
  });
  const nodes = [
    node("a", "10.244.0.0/24", "172.18.0.2"),
    node("b", "10.244.1.0/24", "172.18.0.3"),
    node("c", "10.244.2.0/24"),
    node("d"),
  ];
  assert.deepEqual(podRoutes(nodes, "a"), [{ destination: "10.244.1.0/24", gateway: "172.18.0.3" }]);
  const dual: Node = {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "b" },
    spec: { podCIDR: "10.244.1.0/24", podCIDRs: ["10.244.1.0/24", "fd00:10:244:1::/64"] },
    status: { addresses: ["172.18.0.3", "fd00:172:18::3"].map((address) => ({ type: "InternalIP", address })) },
  };
  assert.deepEqual(podRoutes([dual], "a"), [
    { destination: "10.244.1.0/24", gateway: "172.18.0.3" },
    { destination: "fd00:10:244:1::/64", gateway: "fd00:172:18::3" },
  ]);
});
