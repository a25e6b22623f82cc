import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "kubernetes-types/discovery/v1";
import type { Node } from "../../api/object.ts";
import { node, type PodInput, pod, service } from "../testing/objects.ts";
import { computeGroups } from "./compute.ts";
import { setZoneHints, wantsZoneHints, zoneHints } from "./zone-hints.ts";

const nodeIn = (zone: string | undefined, cpu: string, ready = "True"): Node => {
  const made = node(`${zone}-${cpu}`);
  const labels = zone ? { "topology.kubernetes.io/zone": zone } : {};
  return {
    ...made,
    metadata: { ...made.metadata, labels },
    status: { allocatable: { cpu }, conditions: [{ type: "Ready", status: ready }] },
  };
};
/** "aab": two endpoints in zone a, one in zone b; "-" in none. */
const endpointsIn = (zones: string): Endpoint[] =>
  [...zones].map((zone, i) => ({ addresses: [`10.0.0.${i}`], ...(zone === "-" ? {} : { zone }) }));
const two = [nodeIn("a", "2"), nodeIn("b", "2")];

const cases: readonly [what: string, nodes: Node[], zones: string, want: string][] = [
  ["each zone keeps its own", two, "aabb", "aabb"],
  ["the fuller zone gives", two, "aaaaab", "bbaaab"],
  ["shares follow the processors", [nodeIn("a", "3"), nodeIn("b", "1000m")], "aabb", "aaab"],
  ["a zone without endpoints gets some", two, "aaaa", "bbaa"],
  ["a zone that no ready node is in gives all", [...two, nodeIn("c", "2", "False")], "aabbcc", "aabbab"],
  ["one zone only", [nodeIn("a", "2")], "aa", "Nodes only ready in one zone"],
  ["fewer endpoints than zones", two, "a", "Insufficient number of endpoints (1 endpoints, 2 zones)"],
  ["a node without zone", [...two, nodeIn(undefined, "2")], "ab", "Insufficient Node information"],
  ["an endpoint without zone", two, "ab-", "Unable to allocate|do not have a zone"],
  ["shares that cannot be met", [nodeIn("a", "9"), nodeIn("b", "1")], "ab", "Unable to allocate minimum"],
];
for (const [what, nodes, zones, want] of cases) {
  test(`E47 zoneHints(): ${what}`, () => {
    const endpoints = endpointsIn(zones);
    const hints = zoneHints(endpoints, nodes);
    if (!hints.ok) assert.match(hints.reason, new RegExp(want.replaceAll(/[()]/g, ".")));
    else assert.equal(endpoints.map((endpoint) => hints.zoneOf.get(endpoint)).join(""), want);
  });
}

test("E47 zoneHints(): the order of the endpoints changes nothing", () => {
  const endpoints = endpointsIn("aaaaab");
  const names = (list: readonly Endpoint[]) => {
    const hints = zoneHints(list, two);
    return hints.ok && endpoints.map((endpoint) => hints.zoneOf.get(endpoint)).join("");
  };
  assert.equal(names(endpoints.toReversed()), names(endpoints));
});

const mode = "service.kubernetes.io/topology-mode";
const deprecated = "service.kubernetes.io/topology-aware-hints";
const annotated: readonly [annotations: Record<string, string>, wants: boolean][] = [
  [{}, false],
  [{ [mode]: "Auto" }, true],
  [{ [mode]: "auto" }, true],
  [{ [mode]: "Disabled" }, false],
  [{ [deprecated]: "auto" }, true],
  [{ [mode]: "Auto", [deprecated]: "disabled" }, false],
];
for (const [annotations, wants] of annotated) {
  test(`E46 wantsZoneHints(): ${JSON.stringify(annotations)}`, () => {
    const one = service("a");
    assert.equal(wantsZoneHints({ ...one, metadata: { ...one.metadata, annotations } }), wants);
  });
}

test("E46 E47 where zones cannot be served no hints are left, those of trafficDistribution neither, in both families", () => {
  const owner = service("a", { ipFamilies: ["IPv4", "IPv6"], trafficDistribution: "PreferSameZone" });
  const place = node("n", { labels: { "topology.kubernetes.io/zone": "a" } });
  const input: PodInput = { ip: "10.0.0.1", node: "n" };
  const one = pod("p", input);
  const both = { ...one, status: { ...one.status, podIPs: [{ ip: "10.0.0.1" }, { ip: "fd00::1" }] } };
  const groups = computeGroups(owner, { pods: [both], nodeOf: () => place });
  const hints = () => [...groups.values()].flatMap(({ endpoints }) => endpoints.map((endpoint) => endpoint.hints));
  assert.deepEqual(hints(), [{ forZones: [{ name: "a" }] }, { forZones: [{ name: "a" }] }]);
  assert.equal(setZoneHints(owner, groups, [nodeIn("a", "2")]), "Nodes only ready in one zone");
  assert.deepEqual(hints(), [undefined, undefined]);
});
