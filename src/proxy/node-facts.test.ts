import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Node } from "../api/object.ts";
import { nodeFacts, nodeNameOf } from "./node-facts.ts";

const node = (labels: Record<string, string>, addresses: [type: string, address: string][] = []) =>
  ({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "n", labels },
    status: { addresses: addresses.map(([type, address]) => ({ type, address })) },
  }) as Node;

describe("nodeFacts()", () => {
  it("P74 the zone is that of the label topology.kubernetes.io/zone, and of no other", () => {
    const old = { "failure-domain.beta.kubernetes.io/zone": "old", "topology.kubernetes.io/region": "r" };
    assert.equal(nodeFacts("n", node(old)).zone, undefined);
    assert.equal(nodeFacts("n", node({ ...old, "topology.kubernetes.io/zone": "z1" })).zone, "z1");
  });
  const reported: [string, string][] = [
    ["Hostname", "n"],
    ["ExternalIP", "203.0.113.1"],
    ["InternalIP", "172.18.0.2"],
    ["InternalIP", "FD00::0:2"],
  ];
  it("P196 addresses are those that the Node reports, internal ones first", () => {
    assert.deepEqual(nodeFacts("n", node({}, reported)).addresses, ["172.18.0.2", "fd00::2", "203.0.113.1"]);
  });
  it("P190 a bindAddress is the primary address of its family, a wildcard is none", () => {
    const first = (bindAddress: string) => nodeFacts("n", node({}, reported), bindAddress).addresses[0];
    assert.equal(first("203.0.113.1"), "203.0.113.1");
    assert.equal(first("0.0.0.0"), "172.18.0.2");
    assert.equal(first("::"), "172.18.0.2");
  });
});

it("P195 the node's name is what the operator says, else the host's, trimmed and in lower case", () => {
  assert.equal(nodeNameOf(" Node-1\n", "host"), "node-1");
  assert.equal(nodeNameOf("", "Host.Example"), "host.example");
});
