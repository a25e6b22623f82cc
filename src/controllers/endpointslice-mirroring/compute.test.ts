import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSubset } from "kubernetes-types/core/v1";
import type { EndpointSlice, Endpoints } from "../../api/object.ts";
import { service } from "../testing/objects.ts";
import { computeMirror, isMirrored, planMirror, reportsOf } from "./compute.ts";

const owner = service("own", { selector: {} });

function endpoints(subsets: EndpointSubset[], metadata: object = {}): Endpoints {
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { name: "own", namespace: "ns", uid: "e", ...metadata },
    subsets,
  };
}

/** "IPv4 :80 10.0.0.1 !10.0.0.2": family, ports, and addresses, those that are not ready with a mark. */
function shown({ addressType, ports, endpoints }: EndpointSlice): string {
  const addresses = endpoints.map(({ addresses, conditions }) => `${conditions?.ready ? "" : "!"}${addresses[0]}`);
  return [addressType, ...(ports ?? []).map(({ name, port }) => `${name}:${port}`), ...addresses].join(" ");
}

const at = (...ips: string[]) => ips.map((ip) => ({ ip }));
const ports = [{ name: "a", port: 80 }];
const cases: readonly [name: string, subsets: EndpointSubset[], slices: readonly string[]][] = [
  [
    "E53 ready and not ready addresses",
    [{ addresses: at("10.0.0.1"), notReadyAddresses: at("10.0.0.2"), ports }],
    ["IPv4 a:80 10.0.0.1 !10.0.0.2"],
  ],
  [
    "E52 one slice for each family and list of ports",
    [{ addresses: at("10.0.0.1", "fd00::1"), ports }, { addresses: at("10.0.0.1") }],
    ["IPv4 a:80 10.0.0.1", "IPv6 a:80 fd00::1", "IPv4 10.0.0.1"],
  ],
  [
    "E2 subsets with the same ports as one, in which an address that is ready anywhere is ready",
    [
      { notReadyAddresses: at("10.0.0.2", "10.0.0.1"), ports },
      { addresses: at("10.0.0.2"), ports },
    ],
    ["IPv4 a:80 10.0.0.2 !10.0.0.1"],
  ],
  ["E52 200 addresses in one slice", [{ addresses: at(...range(200)) }], [`IPv4 ${range(200).sort().join(" ")}`]],
  ["E51 nothing that is no IP", [{ addresses: at("web", "10.0.0.1") }], ["IPv4 10.0.0.1"]],
  ["an odd address in its usual form", [{ addresses: at("010.0.0.1") }], ["IPv4 10.0.0.1"]],
];

function range(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
}

for (const [name, subsets, slices] of cases) {
  test(`computeMirror() ${name}`, () => {
    assert.deepEqual(computeMirror(endpoints(subsets), owner).slices.map(shown), slices);
  });
}

test("E51 of more than 1000 addresses the ready ones come first, and Events name what is left out", () => {
  const subset = { addresses: at(...range(999), "web"), notReadyAddresses: at("10.1.0.1", "10.1.0.2"), ports };
  const mirror = computeMirror(endpoints([subset]), owner);
  assert.equal(mirror.slices[0]?.endpoints.length, 1000);
  assert.deepEqual(reportsOf(mirror), [
    { reason: "InvalidIPAddress", message: "Skipped 1 invalid IP addresses when mirroring to EndpointSlices" },
    {
      reason: "TooManyAddressesToMirror",
      message:
        "A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. 2 addresses were skipped",
    },
  ]);
  assert.deepEqual(reportsOf(computeMirror(endpoints([{ addresses: at("10.0.0.1") }]), owner)), []);
});

test("E52 E53 what a slice takes over from the Endpoints", () => {
  const targetRef = { kind: "Pod", name: "p", namespace: "ns" };
  const address = { ip: "10.0.0.1", hostname: "h", nodeName: "n", targetRef };
  const metadata = {
    labels: { l: "1" },
    annotations: {
      a: "1",
      "endpoints.kubernetes.io/last-change-trigger-time": "2026-01-01T00:00:00Z",
      "kubectl.kubernetes.io/last-applied-configuration": "{}",
    },
  };
  const [slice] = computeMirror(endpoints([{ addresses: [address] }], metadata), owner).slices;
  assert.deepEqual(slice?.metadata.annotations, { a: "1" });
  assert.deepEqual(slice?.metadata.labels, {
    l: "1",
    "kubernetes.io/service-name": "own",
    "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
  });
  assert.equal(slice?.metadata.generateName, "own-");
  const [reference] = slice?.metadata.ownerReferences ?? [];
  assert.deepEqual([reference?.kind, reference?.name, reference?.controller], ["Endpoints", "own", true]);
  assert.deepEqual(slice?.endpoints, [
    { addresses: ["10.0.0.1"], conditions: { ready: true }, hostname: "h", nodeName: "n", targetRef },
  ]);
});

const skipped: readonly [name: string, metadata: object, service: typeof owner | undefined][] = [
  ["that ask for it", { labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } }, owner],
  ["of a leader election", { annotations: { "control-plane.alpha.kubernetes.io/leader": "{}" } }, owner],
  ["without a Service", {}, undefined],
  ["of a Service with a selector", {}, service("own")],
];

test("E49 E50 Endpoints are mirrored, but not those that are another's", () => {
  assert.equal(isMirrored(endpoints([]), owner), true);
  for (const [name, metadata, of] of skipped) assert.equal(isMirrored(endpoints([], metadata), of), false, name);
});

test("E54 planMirror() writes what differs, and deletes what is wanted no more", () => {
  const wanted = computeMirror(endpoints([{ addresses: at("10.0.0.1"), ports }]), owner).slices;
  const present = wanted.map((slice) => structuredClone(slice));
  assert.deepEqual(planMirror(wanted, present), { create: [], update: [], delete: [] });
  assert.deepEqual(planMirror([], present).delete, present);
  const other = computeMirror(endpoints([{ addresses: at("10.0.0.2"), ports }]), owner).slices;
  assert.deepEqual(planMirror(other, present).update.map(shown), ["IPv4 a:80 10.0.0.2"]);
});
