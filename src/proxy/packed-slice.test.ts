import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EndpointSlice } from "../api/object.ts";
import { computeService } from "./compute.ts";
import { packSlice } from "./packed-slice.ts";
import { type EndpointFixture, nodeA, type SliceFixture, service, slice } from "./testing/fixtures.ts";

/** What is in the packed slice: "10.244.0.1 node-a". */
function contents(endpoints: readonly (string | EndpointFixture)[], fixture?: SliceFixture): string[] {
  const { addresses, traits, addressType } = packSlice(slice(endpoints, fixture));
  const width = addressType === "IPv6" ? 16 : 4;
  const bytes = Buffer.from(addresses, "latin1");
  return traits.map(({ nodeName }, at) => {
    const address = bytes.subarray(at * width, (at + 1) * width);
    return `${width === 4 ? address.join(".") : address.toString("hex")} ${nodeName}`;
  });
}

const on = (ip: string, node: string): EndpointFixture => ({ ip, node });

describe("packSlice()", () => {
  it("sorts addresses as numbers, each with its own traits, equal ones in their order", () => {
    const unsorted = [on("10.244.0.10", "c"), on("10.244.0.9", "b"), on("9.255.255.255", "a"), on("10.244.0.9", "z")];
    assert.deepEqual(contents(unsorted), ["9.255.255.255 a", "10.244.0.9 b", "10.244.0.9 z", "10.244.0.10 c"]);
  });
  it("keeps what all have in common once for all of them", () => {
    const whole = slice(["10.244.0.1", { ip: "10.244.0.2", zones: ["z1"] }, { ip: "10.244.0.3", ready: false }]);
    const { traits, metadata, ports, addressType, isUnique } = packSlice(whole);
    assert.deepEqual(
      traits.map(({ conditions, nodeName, hints }) => ({ conditions, nodeName, hints })),
      whole.endpoints.map(({ conditions, nodeName, hints }) => ({ conditions, nodeName, hints })),
    );
    assert.deepEqual([metadata, ports, addressType, isUnique], [whole.metadata, whole.ports, "IPv4", true]);
  });
  for (const [name, text, want] of [
    ["leading zeros are decimal", "010.244.000.001", "10.244.0.1"],
    ["zero is a number", "0.0.0.0", "0.0.0.0"],
    ["the greatest", "255.255.255.255", "255.255.255.255"],
  ] as const)
    it(`reads ${text}: ${name}`, () =>
      assert.deepEqual(
        contents([on("10.244.9.9", "x"), on(text, "a")]).toSorted(),
        [`${want} a`, "10.244.9.9 x"].toSorted(),
      ));
  for (const text of [
    "",
    "10.244.0",
    "10.244.0.1.2",
    "10.244.0.256",
    "10.244..1",
    ".10.244.0.1",
    "10.244.0.1.",
    "fd00::1",
    "web",
  ])
    it(`leaves out "${text}" of a slice of IPv4, and its traits`, () =>
      assert.deepEqual(contents([on(text, "a"), on("10.244.0.1", "b"), on(text, "c")]), ["10.244.0.1 b"]));
  it("takes 16 bytes for each of IPv6, and leaves out IPv4 there", () => {
    const endpoints = [on("fd00::2", "b"), on("::ffff:10.0.0.1", "x"), on("10.0.0.1", "y"), on("FD00:0::1", "a")];
    const zeros = "0".repeat(24);
    assert.deepEqual(contents(endpoints, { addressType: "IPv6" }), [`fd00${zeros}0001 a`, `fd00${zeros}0002 b`]);
  });
  it("knows whether an address is there twice", () => {
    assert.equal(packSlice(slice(["10.244.0.2", "10.244.0.1"])).isUnique, true);
    assert.equal(packSlice(slice(["10.244.0.2", "10.244.0.1", "10.244.0.2"])).isUnique, false);
  });
  it("a slice without endpoints, or an endpoint without an address, gives none", () => {
    const { endpoints: _, ...without } = slice([]);
    assert.equal(packSlice(without as EndpointSlice).traits.length, 0);
    const whole = slice(["10.244.0.1", "10.244.0.2"]);
    (whole.endpoints[0] as { addresses: string[] }).addresses = [];
    assert.deepEqual(packSlice(whole).traits.length, 1);
  });
  it("many slices are packed one after the other, short and long", () => {
    const many = Array.from({ length: 1000 }, (_, n) => `10.244.${n >> 8}.${n & 255}`);
    const [port] = computeService(service(), [slice(many)], nodeA);
    assert.deepEqual(
      port?.clusterEndpoints.map(({ ip }) => ip),
      many,
    );
    assert.deepEqual(contents(["10.244.0.1"]), ["10.244.0.1 node-a"]);
  });
});
