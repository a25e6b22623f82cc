import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../../api/object.ts";
import { type PodInput, pod, service } from "../testing/objects.ts";
import { computeSubsets, truncateSubsets } from "./compute.ts";

const pods = (inputs: Record<string, PodInput>) => Object.entries(inputs).map(([name, input]) => pod(name, input));
const text = (subsets: ReturnType<typeof computeSubsets>) =>
  subsets.map(
    ({ addresses = [], notReadyAddresses = [], ports = [] }) =>
      [addresses, notReadyAddresses].map((list) => list.map(({ ip }) => ip).join(",")).join("!") +
      `:${ports.map(({ name, port }) => `${name ?? ""}${port}`).join(",")}`,
  );

test("E4 ready and not ready addresses, in order of uid; terminating Pods are out", () => {
  const subsets = computeSubsets(
    service("a"),
    pods({
      z: { ip: "10.0.0.1" },
      b: { ip: "10.0.0.2" },
      c: { ip: "10.0.0.3", ready: false },
      d: { ip: "10.0.0.4", terminating: true },
    }),
  );
  assert.deepEqual(text(subsets), ["10.0.0.2,10.0.0.1!10.0.0.3:80"]);
});

test("E2 a port that differs from Pod to Pod gets subsets of its own", () => {
  const owner = service("a", {
    ports: [
      { name: "http", port: 80, targetPort: "http" },
      { name: "fixed", port: 81 },
    ],
  });
  const subsets = computeSubsets(
    owner,
    pods({ p: { ip: "10.0.0.1", ports: { http: 8080 } }, q: { ip: "10.0.0.2", ports: { http: 9090 } } }),
  );
  assert.deepEqual(
    text(subsets).sort(),
    ["10.0.0.1!:http8080", "10.0.0.1,10.0.0.2!:fixed81", "10.0.0.2!:http9090"].sort(),
  );
});

test("E6 more than 1000 addresses are cut, ready ones first", () => {
  const all = Array.from({ length: 1300 }, (_, index) =>
    pod(`p${index}`, { ip: `10.1.${index >> 8}.${index & 255}`, ready: index % 13 !== 0 }),
  );
  const { subsets, truncated } = truncateSubsets(computeSubsets(service("a"), all));
  assert.equal(truncated, true);
  assert.equal(subsets[0]?.addresses?.length, 1000);
  assert.equal(subsets[0]?.notReadyAddresses, undefined);
  const some = truncateSubsets(computeSubsets(service("a"), all.slice(0, 1010)));
  assert.equal((some.subsets[0]?.addresses?.length ?? 0) + (some.subsets[0]?.notReadyAddresses?.length ?? 0), 1000);
});

const published: readonly [name: string, spec: Partial<Service["spec"]>, want: string[]][] = [
  [
    "E4 publishNotReadyAddresses: all are ready, terminating Pods too",
    { publishNotReadyAddresses: true },
    ["10.0.0.3,10.0.0.4!:80"],
  ],
  ["E3 the primary family alone", { ipFamilies: ["IPv6", "IPv4"] }, []],
];
for (const [name, spec, want] of published) {
  test(name, () => {
    const inputs = {
      c: { ip: "10.0.0.3", ready: false },
      d: { ip: "10.0.0.4", terminating: true },
      e: { ip: "10.0.0.5", phase: "Failed" },
    };
    assert.deepEqual(text(computeSubsets(service("a", spec), pods(inputs))), want);
  });
}
