import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Pod } from "../../api/object.ts";
import { node, pod } from "../testing/objects.ts";
import { schedule } from "./compute.ts";
import { NodePods } from "./node-pods.ts";
import { podRequests } from "./requests.ts";

const withAllocatable = (name: string, allocatable: Record<string, string>): Node => ({
  ...node(name),
  status: { allocatable, conditions: [{ type: "Ready", status: "True" }] },
});
const notReady = (name: string): Node => ({
  ...node(name),
  status: { conditions: [{ type: "Ready", status: "False" }] },
});
const on = (one: Node, pods: Pod[] = []): NodePods => new NodePods(one, pods);
const requesting = (cpu: string) =>
  pod("p", { spec: { containers: [{ name: "c", resources: { requests: { cpu } } }] } });
const withHostPort = (hostPort: number) =>
  pod("p", { spec: { containers: [{ name: "c", ports: [{ containerPort: 80, hostPort }] }] } });
const affine = (operator: string, values?: string[]) => {
  const matchExpressions = [{ key: "disk", operator, ...(values ? { values } : {}) }];
  const requiredDuringSchedulingIgnoredDuringExecution = { nodeSelectorTerms: [{ matchExpressions }] };
  return pod("p", { spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution } } } });
};
const gpu = node("n1", { taints: [{ key: "gpu", value: "yes", effect: "NoSchedule" }] });

const cases: { name: string; pod: Pod; candidates: NodePods[]; want: string }[] = [
  { name: "no nodes", pod: pod("p"), candidates: [], want: "no nodes available to schedule pods" },
  { name: "the least loaded", pod: pod("p"), candidates: [on(node("n1"), [pod("x")]), on(node("n2"))], want: "n2" },
  { name: "the first by name of equals", pod: pod("p"), candidates: [on(node("n2")), on(node("n1"))], want: "n1" },
  {
    name: "not ready",
    pod: pod("p"),
    candidates: [on(notReady("n1"))],
    want: "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.",
  },
  {
    name: "cordoned",
    pod: pod("p"),
    candidates: [on(node("n1", { unschedulable: true }))],
    want: "0/1 nodes are available: 1 node(s) were unschedulable.",
  },
  {
    name: "taint",
    pod: pod("p"),
    candidates: [on(gpu)],
    want: "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}.",
  },
  {
    name: "tolerated taint",
    pod: pod("p", { spec: { tolerations: [{ key: "gpu", value: "yes" }] } }),
    candidates: [on(gpu)],
    want: "n1",
  },
  {
    name: "everything tolerated",
    pod: pod("p", { spec: { tolerations: [{ operator: "Exists" }] } }),
    candidates: [on(notReady("n1"))],
    want: "n1",
  },
  {
    name: "affinity In",
    pod: affine("In", ["ssd"]),
    candidates: [on(node("n1")), on(node("n2", { labels: { disk: "ssd" } }))],
    want: "n2",
  },
  {
    name: "affinity DoesNotExist",
    pod: affine("DoesNotExist"),
    candidates: [on(node("n1")), on(node("n2", { labels: { disk: "ssd" } }))],
    want: "n1",
  },
  {
    name: "host port taken",
    pod: withHostPort(80),
    candidates: [on(node("n1"), [withHostPort(80)])],
    want: "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
  },
  { name: "host port free", pod: withHostPort(80), candidates: [on(node("n1"), [withHostPort(81)])], want: "n1" },
  {
    name: "CPU",
    pod: requesting("600m"),
    candidates: [on(withAllocatable("n1", { cpu: "1" }), [requesting("0.5")])],
    want: "0/1 nodes are available: 1 Insufficient cpu.",
  },
  {
    name: "Pods",
    pod: pod("p"),
    candidates: [on(withAllocatable("n1", { pods: "1" }), [pod("x")])],
    want: "0/1 nodes are available: 1 Too many pods.",
  },
  {
    name: "several reasons",
    pod: pod("p", { spec: { nodeSelector: { a: "b" } } }),
    candidates: [on(node("n1")), on(node("n2")), on(gpu)],
    want: "0/3 nodes are available: 1 node(s) had untolerated taint {gpu: yes}, 2 node(s) didn't match Pod's node affinity/selector.",
  },
];
const everywhere = { namespaceLabels: () => ({}) };
for (const { name, pod: wanted, candidates, want } of cases) {
  test(`schedule(): ${name}`, () => {
    const decision = schedule(wanted, { candidates, ...everywhere });
    assert.equal(decision.ok ? decision.node : decision.reason.split(" preemption:")[0], want);
  });
}

const zone = "topology.kubernetes.io/zone";
const inZone = (name: string, value: string, pods: Pod[] = []) =>
  new NodePods(node(name, { labels: { [zone]: value } }), pods);
const labelled = (name: string, app: string, spec: Partial<Pod["spec"]> = {}) => pod(name, { labels: { app }, spec });
const term = (app: string, topologyKey = zone) => ({ topologyKey, labelSelector: { matchLabels: { app } } });
const near = (app: string) => ({
  affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(app)] } },
});
const far = (app: string, topologyKey?: string) => ({
  affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(app, topologyKey)] } },
});
const spread = (whenUnsatisfiable: string, more = {}) => ({
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: zone, whenUnsatisfiable, labelSelector: { matchLabels: { app: "a" } }, ...more },
  ],
});
const onHostIp = (hostIP: string, protocol = "TCP") =>
  pod("p", { spec: { containers: [{ name: "c", ports: [{ containerPort: 80, hostPort: 80, hostIP, protocol }] }] } });

const apart: typeof cases = [
  {
    name: "near a Pod of its zone",
    pod: labelled("p", "web", near("db")),
    candidates: [
      inZone("n1", "a", [labelled("x", "web")]),
      inZone("n2", "b", [labelled("y", "db")]),
      inZone("n3", "b"),
    ],
    want: "n3",
  },
  {
    name: "nobody to be near to",
    pod: labelled("p", "web", near("db")),
    candidates: [inZone("n1", "a"), new NodePods(node("n2"))],
    want: "0/2 nodes are available: 2 node(s) didn't match pod affinity rules.",
  },
  {
    name: "the first of Pods that want to be together",
    pod: labelled("p", "web", near("web")),
    candidates: [inZone("n1", "a")],
    want: "n1",
  },
  {
    name: "away from its like",
    pod: labelled("p", "web", far("web", "kubernetes.io/hostname")),
    candidates: [new NodePods(node("n1"), [labelled("x", "web")]), new NodePods(node("n2"), [labelled("y", "db")])],
    want: "n2",
  },
  {
    name: "away from its like, everywhere",
    pod: labelled("p", "web", far("web")),
    candidates: [inZone("n1", "a", [labelled("x", "web")]), inZone("n2", "a")],
    want: "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.",
  },
  {
    name: "another Pod keeps it off",
    pod: labelled("p", "web"),
    candidates: [inZone("n1", "a", [labelled("x", "db", far("web"))])],
    want: "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules.",
  },
  {
    name: "the anti-affinity of another namespace's Pod does not count",
    pod: { ...labelled("p", "web"), metadata: { ...labelled("p", "web").metadata, namespace: "other" } },
    candidates: [inZone("n1", "a", [labelled("x", "db", far("web"))])],
    want: "n1",
  },
  {
    name: "spread over zones",
    pod: labelled("p", "a", spread("DoNotSchedule")),
    candidates: [inZone("n1", "a", [labelled("x", "a")]), inZone("n2", "b", [labelled("y", "b"), labelled("z", "b")])],
    want: "n2",
  },
  {
    name: "spread would break",
    pod: labelled("p", "a", { ...spread("DoNotSchedule"), tolerations: [] }),
    candidates: [
      inZone("n1", "a", [labelled("x", "a")]),
      new NodePods(node("n2", { unschedulable: true, labels: { [zone]: "b" } })),
      new NodePods(node("n3")),
    ],
    want: `0/3 nodes are available: 1 node(s) didn't match pod topology spread constraints, 1 node(s) didn't match pod topology spread constraints (missing required label), 1 node(s) were unschedulable.`,
  },
  {
    name: "a domain without Nodes counts with minDomains",
    pod: labelled("p", "a", spread("DoNotSchedule", { minDomains: 2 })),
    candidates: [inZone("n1", "a", [labelled("x", "a")])],
    want: "0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints.",
  },
  {
    name: "spread if possible",
    pod: labelled("p", "a", spread("ScheduleAnyway")),
    candidates: [inZone("n1", "a", [labelled("x", "a")]), inZone("n2", "b", [labelled("y", "b"), labelled("z", "b")])],
    want: "n2",
  },
  {
    name: "a preferred Node",
    pod: pod("p", {
      spec: {
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 1, preference: { matchExpressions: [{ key: zone, operator: "In", values: ["b"] }] } },
            ],
          },
        },
      },
    }),
    candidates: [inZone("n1", "a"), inZone("n2", "b", [pod("x")])],
    want: "n2",
  },
  {
    name: "a preferred neighbour",
    pod: labelled("p", "web", {
      affinity: {
        podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 5, podAffinityTerm: term("db") }] },
      },
    }),
    candidates: [inZone("n1", "a"), inZone("n2", "b", [labelled("x", "db")])],
    want: "n2",
  },
  {
    name: "a Node that prefers others",
    pod: pod("p"),
    candidates: [
      new NodePods(node("n1", { taints: [{ key: "k", effect: "PreferNoSchedule" }] })),
      on(node("n2"), [pod("x")]),
    ],
    want: "n2",
  },
  {
    name: "the same port of another address",
    pod: onHostIp("127.0.0.1"),
    candidates: [on(node("n1"), [onHostIp("127.0.0.2")])],
    want: "n1",
  },
  {
    name: "the same port of another protocol",
    pod: onHostIp("", "UDP"),
    candidates: [on(node("n1"), [onHostIp("")])],
    want: "n1",
  },
  {
    name: "the same port of all addresses",
    pod: onHostIp("127.0.0.1"),
    candidates: [on(node("n1"), [onHostIp("")])],
    want: "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
  },
  {
    name: "exact sums of fractions",
    pod: requesting("100m"),
    candidates: [on(withAllocatable("n1", { cpu: "300m" }), [labelledRequest("x", "200m")])],
    want: "n1",
  },
  {
    name: "a resource that the Node lacks",
    pod: pod("p", { spec: { containers: [{ name: "c", resources: { requests: { "example.com/gpu": "1" } } }] } }),
    candidates: [on(node("n1"))],
    want: "0/1 nodes are available: 1 Insufficient example.com/gpu.",
  },
];
function labelledRequest(name: string, cpu: string): Pod {
  return pod(name, { spec: { containers: [{ name: "c", resources: { requests: { cpu } } }] } });
}
for (const { name, pod: wanted, candidates, want } of apart) {
  test(`schedule(): ${name}`, () => {
    const decision = schedule(wanted, { candidates, ...everywhere });
    assert.equal(decision.ok ? decision.node : decision.reason.split(" preemption:")[0], want);
  });
}

test("podRequests(): the most at any time; sidecars run along", () => {
  const of = (cpu: string, restartPolicy?: string) => ({
    name: cpu,
    resources: { requests: { cpu } },
    ...(restartPolicy ? { restartPolicy } : {}),
  });
  const initContainers = [of("100m", "Always"), of("500m")];
  const containers = [of("200m"), of("50m")];
  assert.deepEqual(podRequests(pod("p", { spec: { initContainers, containers } })), { cpu: 600 });
  assert.deepEqual(podRequests(pod("p", { spec: { initContainers: initContainers.slice(0, 1), containers } })), {
    cpu: 350,
  });
});

test("schedule(): Pods of lower priority make room, the least important first", () => {
  const urgent = pod("p", {
    spec: { priority: 10, containers: [{ name: "c", resources: { requests: { cpu: "1" } } }] },
  });
  const withPriority = (name: string, priority: number) => {
    const { spec, ...rest } = labelledRequest(name, "1");
    return { ...rest, spec: { ...spec, priority } };
  };
  const full = (name: string, pods: Pod[]) => new NodePods(withAllocatable(name, { cpu: "1" }), pods);
  const candidates = [
    full("n1", [withPriority("x", 5)]),
    full("n2", [withPriority("y", 1)]),
    full("n3", [withPriority("z", 10)]),
  ];
  const decision = schedule(urgent, { candidates, ...everywhere });
  assert.ok(!decision.ok);
  assert.equal(decision.preemption?.node, "n2");
  assert.deepEqual(
    decision.preemption?.victims.map(({ metadata }) => metadata.name),
    ["y"],
  );
  const never = { ...urgent, spec: { ...urgent.spec, preemptionPolicy: "Never" } };
  const polite = schedule(never, { candidates, ...everywhere });
  assert.ok(!polite.ok && polite.preemption === undefined);
  assert.equal(
    polite.ok ? "" : polite.reason,
    "0/3 nodes are available: 3 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.",
  );
  const helpless = schedule(pod("p", { spec: { nodeSelector: { a: "b" } } }), { candidates, ...everywhere });
  assert.equal(
    helpless.ok ? "" : helpless.reason,
    "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. " +
      "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
  );
});
