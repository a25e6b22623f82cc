import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSlice, Pod, Service } from "../../api/object.ts";
import { node, type PodInput, pod, service } from "../testing/objects.ts";
import { computeGroups } from "./compute.ts";
import { generated, planSlices, type SlicePlan } from "./plan.ts";

const nodes = new Map([["n1", node("n1", { labels: { "topology.kubernetes.io/zone": "z1" } })]]);
const groupsOf = (owner: Service, pods: Pod[]) => computeGroups(owner, { pods, nodeOf: (name) => nodes.get(name) });

/** "ports: address rst hostname", one line an endpoint; upper case letters for true of ready, serving, terminating. */
function lines(owner: Service, pods: Pod[]): string[] {
  return [...groupsOf(owner, pods).values()].flatMap(({ ports, endpoints }) =>
    endpoints.map(({ addresses, conditions, hostname, zone }) => {
      const flags = [
        conditions?.ready ? "R" : "r",
        conditions?.serving ? "S" : "s",
        conditions?.terminating ? "T" : "t",
      ];
      return [`${ports.map(({ port }) => port).join()}:`, addresses[0], flags.join(""), hostname, zone]
        .filter(Boolean)
        .join(" ");
    }),
  );
}

const cases: { name: string; service: Service; pods: Record<string, PodInput>; want: string[] }[] = [
  {
    name: "E25 ready and not ready Pods",
    service: service("a"),
    pods: { p: { ip: "10.0.0.1" }, q: { ip: "10.0.0.2", ready: false } },
    want: ["80: 10.0.0.1 RSt", "80: 10.0.0.2 rst"],
  },
  {
    name: "E24 E25 a terminating Pod still serves",
    service: service("a"),
    pods: { p: { ip: "10.0.0.1", terminating: true } },
    want: ["80: 10.0.0.1 rST"],
  },
  {
    name: "E25 publishNotReadyAddresses makes all ready",
    service: service("a", { publishNotReadyAddresses: true }),
    pods: { p: { ip: "10.0.0.1", ready: false } },
    want: ["80: 10.0.0.1 Rst"],
  },
  {
    name: "E24 Pods without address, finished ones and IPv6 are left out",
    service: service("a"),
    pods: { p: {}, q: { ip: "10.0.0.2", phase: "Succeeded" }, r: { ip: "fd00::1" } },
    want: [],
  },
  {
    name: "E23 E28 a named port splits groups",
    service: service("a", { ports: [{ port: 80, targetPort: "http" }] }),
    pods: {
      p: { ip: "10.0.0.1", ports: { http: 8080 } },
      q: { ip: "10.0.0.2", ports: { http: 9090 } },
      r: { ip: "10.0.0.3" },
    },
    want: ["8080: 10.0.0.1 RSt", "9090: 10.0.0.2 RSt"],
  },
  {
    name: "E26 hostname with matching subdomain, zone of the node",
    service: service("a", { clusterIP: "None" }),
    pods: {
      p: { ip: "10.0.0.1", node: "n1", spec: { hostname: "h", subdomain: "a" } },
      q: { ip: "10.0.0.2", spec: { hostname: "h", subdomain: "b" } },
    },
    want: ["80: 10.0.0.1 RSt h z1", "80: 10.0.0.2 RSt"],
  },
  {
    name: "E28 headless without ports",
    service: service("a", { clusterIP: "None", ports: [] }),
    pods: { p: { ip: "10.0.0.1" } },
    want: [": 10.0.0.1 RSt"],
  },
  {
    name: "E27 a Pod on a node that is not known",
    service: service("a"),
    pods: { p: { ip: "10.0.0.1", node: "n9" } },
    want: [],
  },
  {
    name: "E27 a Pod on a node that is not known, published all the same",
    service: service("a", { publishNotReadyAddresses: true }),
    pods: { p: { ip: "10.0.0.1", node: "n9" } },
    want: ["80: 10.0.0.1 RSt"],
  },
  {
    name: "E28 the port of a sidecar, of the right protocol, after the containers'",
    service: service("a", { ports: [{ port: 80, targetPort: "metrics" }] }),
    pods: {
      p: {
        ip: "10.0.0.1",
        spec: {
          containers: [{ name: "c", ports: [{ name: "metrics", containerPort: 1, protocol: "UDP" }] }],
          initContainers: [
            { name: "once", ports: [{ name: "metrics", containerPort: 2 }] },
            { name: "beside", restartPolicy: "Always", ports: [{ name: "metrics", containerPort: 3 }] },
          ],
        },
      },
    },
    want: ["3: 10.0.0.1 RSt"],
  },
  {
    name: "E23 one group for each family",
    service: service("a", { ipFamilies: ["IPv6", "IPv4"] }),
    pods: { p: { ip: "10.0.0.1" } },
    want: ["80: 10.0.0.1 RSt"],
  },
];
for (const { name, service: owner, pods, want } of cases) {
  test(`computeGroups(): ${name}`, () => {
    assert.deepEqual(
      lines(
        owner,
        Object.entries(pods).map(([podName, input]) => pod(podName, input)),
      ),
      want,
    );
  });
}

/** Performs a plan as the server would. */
function perform(existing: EndpointSlice[], plan: SlicePlan): EndpointSlice[] {
  const gone = new Set(plan.delete.map(({ metadata }) => metadata.name));
  const changed = new Map(plan.update.map((slice) => [slice.metadata.name, slice]));
  const created = plan.create.map((slice) => ({
    ...slice,
    metadata: { ...slice.metadata, name: `${slice.metadata.generateName}${Math.random().toString(36).slice(2, 7)}` },
  }));
  return [
    ...existing
      .filter(({ metadata }) => !gone.has(metadata.name))
      .map((slice) => changed.get(slice.metadata.name) ?? slice),
    ...created,
  ];
}

function step(owner: Service, pods: Pod[], existing: EndpointSlice[]) {
  const plan = planSlices({ service: owner, groups: groupsOf(owner, pods), existing, triggerTime: undefined });
  const after = perform(existing, plan);
  const writes = `${plan.create.length}c ${plan.update.length}u ${plan.delete.length}d`;
  const again = planSlices({ service: owner, groups: groupsOf(owner, pods), existing: after, triggerTime: undefined });
  assert.deepEqual(again, { create: [], update: [], delete: [] }, "a second plan has nothing to do");
  return { after, writes };
}

const many = (count: number, input: (index: number) => PodInput = () => ({})) =>
  Array.from({ length: count }, (_, index) =>
    pod(`p${index}`, { ip: `10.1.${index >> 8}.${index & 255}`, ...input(index) }),
  );

test("E29 E30 E31 E33 E34 E56 planSlices() fills slices of 100 and touches few", () => {
  const owner = service("a");
  const pods = many(3001);
  const first = step(owner, pods, []);
  assert.equal(first.writes, "31c 0u 0d");
  const addresses = first.after.flatMap(({ endpoints }) => endpoints?.map((endpoint) => endpoint.addresses[0]));
  assert.equal(new Set(addresses).size, 3001);
  assert.ok(first.after.every(({ endpoints }) => (endpoints?.length ?? 0) <= 100));

  const notReady = step(owner, pods.with(17, pod("p17", { ip: "10.1.0.17", ready: false })), first.after);
  assert.equal(notReady.writes, "0c 1u 0d");
  const oneMore = step(owner, many(3002), first.after);
  assert.equal(oneMore.writes, "0c 1u 0d");
  const fewer = step(
    owner,
    pods.filter((_, index) => index % 60 !== 0),
    first.after,
  );
  assert.match(fewer.writes, /^0c (\d+)u [01]d$/);
  const replaced = step(owner, [...pods.slice(1), pod("new", { ip: "10.9.9.9" })], first.after);
  assert.equal(replaced.writes, "0c 1u 0d", "the freed place is used");
  const none = step(owner, [], first.after);
  assert.equal(none.writes, "0c 1u 30d");
  assert.deepEqual(
    none.after.map(({ endpoints, ports }) => [endpoints, ports]),
    [[[], []]],
  );
  assert.equal(step(owner, many(2), none.after).writes, "0c 1u 0d", "the placeholder becomes the first slice");
});

test("E20 E21 E22 E36 planSlices() writes labels, owner and trigger time; label drift is repaired", () => {
  const owner = service("a", { clusterIP: "None", labels: { team: "x", "kubernetes.io/service-name": "forged" } });
  const plan = planSlices({
    service: owner,
    groups: groupsOf(owner, many(1)),
    existing: [],
    triggerTime: "2026-01-01T00:00:00Z",
  });
  const metadata = plan.create[0]?.metadata;
  assert.equal(metadata?.generateName, "a-");
  assert.deepEqual(metadata?.labels, {
    team: "x",
    "kubernetes.io/service-name": "a",
    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    "service.kubernetes.io/headless": "",
  });
  assert.deepEqual(metadata?.annotations, {
    "endpoints.kubernetes.io/last-change-trigger-time": "2026-01-01T00:00:00Z",
  });
  assert.equal(metadata?.ownerReferences?.[0]?.uid, "uid-a");
  const { after } = step(owner, many(1), []);
  assert.equal(step(service("a", { clusterIP: "None" }), many(1), after).writes, "0c 1u 0d");
});

test("E58 planSlices() never uses a slice of a former Service of the same name", () => {
  const { after } = step(service("a"), many(3), []);
  const reborn = { ...service("a"), metadata: { ...service("a").metadata, uid: "other" } };
  assert.equal(step(reborn, many(3), after).writes, "1c 0u 1d");
});

const zoned = { forZones: [{ name: "z1" }] };
const byNode = { forNodes: [{ name: "n1" }] };
const distributions: { name: string; distribution?: string; pod: PodInput; want: unknown }[] = [
  { name: "none asked for", pod: { node: "n1" }, want: undefined },
  { name: "the same zone", distribution: "PreferSameZone", pod: { node: "n1" }, want: zoned },
  { name: "close, the former name of it", distribution: "PreferClose", pod: { node: "n1" }, want: zoned },
  { name: "the same Node", distribution: "PreferSameNode", pod: { node: "n1" }, want: { ...zoned, ...byNode } },
  {
    name: "a Pod that is not ready",
    distribution: "PreferSameZone",
    pod: { node: "n1", ready: false },
    want: undefined,
  },
];
for (const { name, distribution, pod: input, want } of distributions) {
  test(`E43 E44 E45 computeGroups(): hints for ${name}`, () => {
    const owner = service("a", distribution ? { trafficDistribution: distribution } : {});
    const [group] = groupsOf(owner, [pod("p", { ip: "10.0.0.1", ...input })]).values();
    assert.deepEqual(group?.endpoints[0]?.hints, want);
  });
}

test("E57 a rolling update of 100 of 1000 Pods takes one write of one slice for each Pod", () => {
  const owner = service("a");
  let pods = many(1000);
  let { after } = step(owner, pods, []);
  for (let index = 0; index < 100; index++) {
    const moves: Pod[] = [
      pod(`p${index * 7}`, { ip: `10.1.${(index * 7) >> 8}.${(index * 7) & 255}`, terminating: true }),
    ];
    const terminating = step(owner, pods.with(index * 7, moves[0] as Pod), after);
    assert.equal(terminating.writes, "0c 1u 0d");
    pods = pods.with(index * 7, pod(`new${index}`, { ip: `10.2.0.${index}` }));
    const replaced = step(owner, pods, terminating.after);
    assert.equal(replaced.writes, "0c 1u 0d");
    after = replaced.after;
  }
  assert.equal(after.length, 10);
});

test("E32 a Pod that was made again under its name and address is rewritten in place", () => {
  const owner = service("a");
  const { after } = step(owner, many(2), []);
  const again = pod("p1", { ip: "10.1.0.1" });
  const reborn = { ...again, metadata: { ...again.metadata, uid: "other" } };
  const replaced = step(owner, [many(1)[0] as Pod, reborn], after);
  assert.equal(replaced.writes, "0c 1u 0d");
  assert.deepEqual(
    replaced.after[0]?.endpoints.map(({ targetRef }) => targetRef?.uid),
    ["uid-p0", "other"],
  );
});

test("E38 a slice that is being deleted counts as gone", () => {
  const owner = service("a");
  const { after } = step(owner, many(2), []);
  const going = after.map((slice) => ({
    ...slice,
    metadata: { ...slice.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" },
  }));
  const plan = planSlices({
    service: owner,
    groups: groupsOf(owner, many(2)),
    existing: going,
    triggerTime: undefined,
  });
  assert.deepEqual([plan.create.length, plan.update.length, plan.delete.length], [1, 0, 0]);
});

test("E62 a name of 63 characters, or of 253, leaves room for the server's suffix", () => {
  assert.equal(generated("a".repeat(63), "ns").generateName, `${"a".repeat(63)}-`);
  const { generateName = "" } = generated("a".repeat(248), "ns");
  assert.ok(generateName.length + 5 <= 253);
});
