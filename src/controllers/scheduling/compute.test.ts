import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Pod } from "../../api/object.ts";
import { node, pod } from "../testing/objects.ts";
import { type Candidate, schedule } from "./compute.ts";
import { parseQuantity } from "./quantity.ts";

const withAllocatable = (name: string, allocatable: Record<string, string>): Node => ({
  ...node(name),
  status: { allocatable, conditions: [{ type: "Ready", status: "True" }] },
});
const notReady = (name: string): Node => ({
  ...node(name),
  status: { conditions: [{ type: "Ready", status: "False" }] },
});
const on = (one: Node, pods: Pod[] = []): Candidate => ({ node: one, pods });
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

const cases: { name: string; pod: Pod; candidates: Candidate[]; want: string }[] = [
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
for (const { name, pod: wanted, candidates, want } of cases) {
  test(`schedule(): ${name}`, () => {
    const decision = schedule(wanted, candidates);
    assert.equal(decision.ok ? decision.node : decision.reason, want);
  });
}

test("parseQuantity()", () => {
  const inputs = ["100m", "1.5", "128Mi", "1e3", "2k", "x", ""];
  assert.deepEqual(inputs.map(parseQuantity), [0.1, 1.5, 128 * 2 ** 20, 1000, 2000, undefined, undefined]);
});
