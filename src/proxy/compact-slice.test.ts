import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EndpointSlice } from "../api/object.ts";
import { compactSlice } from "./compact-slice.ts";
import { computeService } from "./compute.ts";
import { nodeA, service, slice } from "./testing/fixtures.ts";

/** Nothing but what JSON shows. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe("compactSlice()", () => {
  it("gives back what is read of each endpoint, however many are alike", () => {
    const ready = { ip: "10.244.0.1" };
    const whole = slice([
      ready,
      { ip: "fd00::1", node: null },
      { ip: "10.244.0.2", ready: false, serving: true, terminating: true },
      { ip: "10.244.0.3", zones: ["z1"] },
      { ip: "10.244.0.4", zones: ["z1", "z2"] },
      { ip: "10.244.0.5", nodes: ["node-a"] },
      { ip: "10.244.0.6", node: "node-b" },
      { ...ready, ip: "10.244.0.7" },
    ]);
    const compact = compactSlice(whole);
    for (let time = 0; time < 2; time++) assert.deepEqual(plain(compact.endpoints), plain(whole.endpoints));
    assert.deepEqual([compact.metadata, compact.ports, compact.addressType], [whole.metadata, whole.ports, "IPv4"]);
  });
  it("a slice without endpoints, or an endpoint without an address, is what it was", () => {
    const { endpoints: _, ...without } = slice([]);
    assert.deepEqual(compactSlice(without as EndpointSlice).endpoints, []);
    const whole = slice(["10.244.0.1", "10.244.0.2"]);
    (whole.endpoints[0] as { addresses: string[] }).addresses = [];
    const compute = (one: EndpointSlice) => computeService(service(), [one], nodeA);
    assert.deepEqual(compute(compactSlice(whole)), compute(whole));
  });
});
