import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Service } from "../api/object.ts";
import { eligibleNodes } from "./choose-node.ts";

const label = "node.kubernetes.io/exclude-from-external-load-balancers";
const service = { spec: { type: "LoadBalancer" } } as Service;

function isEligible(metadata: object, spec: object = {}): boolean {
  const status = {
    addresses: [{ type: "InternalIP", address: "172.18.0.2" }],
    conditions: [{ type: "Ready", status: "True" }],
  };
  const node = { apiVersion: "v1", kind: "Node", metadata: { name: "a", ...metadata }, spec, status } as Node;
  return eligibleNodes([node], { family: "IPv4", service, slices: [] }).length === 1;
}

const labels: readonly [value: string, eligible: boolean][] = [
  ["false", true],
  ["False", true],
  ["0", true],
  ["f", true],
  ["true", false],
  ["1", false],
  ["", false],
  ["no", false],
];

for (const [value, eligible] of labels) {
  test(`S124 a node with ${label}=${JSON.stringify(value)} is ${eligible ? "eligible" : "excluded"}`, () => {
    assert.equal(isEligible({ labels: { [label]: value } }), eligible);
  });
}

test("S124 a node that goes is excluded", () => {
  assert.equal(isEligible({}), true);
  assert.equal(isEligible({ deletionTimestamp: "2026-01-01T00:00:00Z" }), false);
  const taint = (key: string) => ({ taints: [{ key, effect: "NoSchedule" }] });
  assert.equal(isEligible({}, taint("ToBeDeletedByClusterAutoscaler")), false);
  assert.equal(isEligible({}, taint("example.com/other")), true);
});
