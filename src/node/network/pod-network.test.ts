import assert from "node:assert/strict";
import test from "node:test";
import type { Node } from "../../api/object.ts";
import { IpAllocator } from "./ip-allocator.ts";
import { hostLinkName, macOf, podRoutes } from "./pod-network.ts";

test("IpAllocator hands out addresses in turn, and a returned one last", () => {
  const addresses = new IpAllocator("10.244.3.0/29");
  assert.equal(addresses.gatewayCidr, "10.244.3.1/29");
  const all = Array.from({ length: 5 }, () => addresses.allocate());
  assert.deepEqual(all, ["10.244.3.2", "10.244.3.3", "10.244.3.4", "10.244.3.5", "10.244.3.6"]);
  assert.equal(addresses.allocate(), undefined);
  addresses.release("10.244.3.4");
  addresses.release("10.244.3.2");
  assert.deepEqual([addresses.allocate(), addresses.allocate()], ["10.244.3.2", "10.244.3.4"]);
});

test("IpAllocator goes on after the addresses that were found in use", () => {
  const addresses = new IpAllocator("10.244.3.0/24");
  addresses.take("10.244.3.9");
  addresses.take("10.244.3.4");
  assert.equal(addresses.allocate(), "10.244.3.10");
});

for (const cidr of ["10.244.3.0/31", "fd00::/64", "x", "10.244.3.0"]) {
  test(`IpAllocator refuses "${cidr}"`, () => assert.throws(() => new IpAllocator(cidr), /^RangeError: Cannot use /));
}

test("names and addresses of links", () => {
  assert.match(hostLinkName("7f6c2a0e-1111-2222-3333-444455556666"), /^veth[0-9a-f]{11}$/);
  assert.equal(macOf("10.244.0.5"), "02:0a:0a:f4:00:05");
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
});
