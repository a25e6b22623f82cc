import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service, ServiceCIDR } from "../../api/object.ts";
import { isInUse } from "./compute.ts";

const range = (name: string, cidr: string, deletionTimestamp?: string): ServiceCIDR => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "ServiceCIDR",
  metadata: { name, ...(deletionTimestamp ? { deletionTimestamp } : {}) },
  spec: { cidrs: [cidr] },
});
const service = (...clusterIPs: string[]): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "s", namespace: "default" },
  spec: { clusterIPs },
});

const going = range("going", "10.1.0.0/24", "2026-01-01T00:00:00Z");
const cases: readonly [what: string, ranges: ServiceCIDR[], addresses: string[], want: boolean][] = [
  ["no Service", [going], [], false],
  ["a headless Service, and one elsewhere", [going], ["None", "10.2.0.1"], false],
  ["an address of its own", [going], ["10.1.0.7"], true],
  ["an address that another range holds, too", [going, range("more", "10.1.0.0/16")], ["10.1.0.7"], false],
  ["the other range is going as well", [going, range("more", "10.1.0.0/16", "x")], ["10.1.0.7"], true],
];
for (const [what, ranges, addresses, want] of cases) {
  test(`S99 isInUse(): ${what}`, () => {
    assert.equal(
      isInUse(
        going,
        ranges,
        addresses.map((address) => service(address)),
      ),
      want,
    );
  });
}
