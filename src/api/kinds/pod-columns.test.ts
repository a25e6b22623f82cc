import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerStatus, PodStatus } from "kubernetes-types/core/v1";
import type { Pod } from "../object.ts";
import { podColumns } from "./pod-columns.ts";

const now = Date.parse("2026-01-01T01:00:00Z");

interface Given {
  readonly status: PodStatus;
  readonly deleted?: boolean;
  readonly inits?: readonly ("once" | "sidecar")[];
  readonly containers?: number;
}

/** "Ready Status Restarts" of a Pod. */
function cells({ status, deleted = false, inits = [], containers = 1 }: Given): string {
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", ...(deleted && { deletionTimestamp: "2026-01-01T00:59:00Z" }) },
    spec: {
      containers: Array.from({ length: containers }, (_, index) => ({ name: `c${index}` })),
      initContainers: inits.map((kind, index) => ({
        name: `i${index}`,
        ...(kind === "sidecar" && { restartPolicy: "Always" }),
      })),
    },
    status,
  };
  return podColumns
    .slice(1, 4)
    .map(({ cell }) => cell(pod, now))
    .join(" ");
}

function status(name: string, state: ContainerStatus["state"], fields: Partial<ContainerStatus> = {}): ContainerStatus {
  const running = state?.running !== undefined;
  return {
    name,
    image: "web:1",
    imageID: "",
    ready: running,
    started: running,
    restartCount: 0,
    ...(state && { state }),
    ...fields,
  };
}

const running = { running: { startedAt: "2026-01-01T00:00:00Z" } };
const waiting = (reason: string) => ({ waiting: { reason } });
const ended = (exitCode: number, reason?: string, signal?: number) => ({
  terminated: { exitCode, ...(reason && { reason }), ...(signal && { signal }) },
});
const condition = (type: string, value = "True", reason?: string) => ({
  type,
  status: value,
  ...(reason && { reason }),
});
const restarted = { restartCount: 3, lastState: { terminated: { exitCode: 1, finishedAt: "2026-01-01T00:55:00Z" } } };

const cases: readonly [name: string, given: Given, wanted: string][] = [
  ["pending", { status: { phase: "Pending" } }, "0/1 Pending 0"],
  [
    "gated",
    { status: { phase: "Pending", conditions: [condition("PodScheduled", "False", "SchedulingGated")] } },
    "0/1 SchedulingGated 0",
  ],
  ["evicted", { status: { phase: "Failed", reason: "Evicted" } }, "0/1 Evicted 0"],
  [
    "being created",
    { status: { phase: "Pending", containerStatuses: [status("c0", waiting("ContainerCreating"))] } },
    "0/1 ContainerCreating 0",
  ],
  ["running", { status: { phase: "Running", containerStatuses: [status("c0", running)] } }, "1/1 Running 0"],
  [
    "running, not ready",
    { status: { phase: "Running", containerStatuses: [status("c0", running, { ready: false })] } },
    "0/1 Running 0",
  ],
  [
    "restarted",
    { status: { phase: "Running", containerStatuses: [status("c0", running, restarted)] } },
    "1/1 Running 3 (5m ago)",
  ],
  [
    "crashing",
    { status: { phase: "Running", containerStatuses: [status("c0", waiting("CrashLoopBackOff"), restarted)] } },
    "0/1 CrashLoopBackOff 3 (5m ago)",
  ],
  [
    "the first of two reasons",
    {
      containers: 2,
      status: {
        phase: "Pending",
        containerStatuses: [status("c0", waiting("ErrImagePull")), status("c1", waiting("ContainerCreating"))],
      },
    },
    "0/2 ErrImagePull 0",
  ],
  [
    "completed",
    { status: { phase: "Succeeded", containerStatuses: [status("c0", ended(0, "Completed"))] } },
    "0/1 Completed 0",
  ],
  ["failed", { status: { phase: "Failed", containerStatuses: [status("c0", ended(2))] } }, "0/1 ExitCode:2 0"],
  [
    "killed",
    { status: { phase: "Failed", containerStatuses: [status("c0", ended(137, undefined, 9))] } },
    "0/1 Signal:9 0",
  ],
  [
    "one completed, one running and ready",
    {
      containers: 2,
      status: {
        phase: "Running",
        conditions: [condition("Ready")],
        containerStatuses: [status("c0", ended(0, "Completed")), status("c1", running)],
      },
    },
    "1/2 Running 0",
  ],
  [
    "one completed, one running, Pod not ready",
    {
      containers: 2,
      status: { phase: "Running", containerStatuses: [status("c0", ended(0, "Completed")), status("c1", running)] },
    },
    "1/2 NotReady 0",
  ],
  [
    "one completed, one failed",
    {
      containers: 2,
      status: {
        phase: "Failed",
        containerStatuses: [status("c0", ended(0, "Completed")), status("c1", ended(1, "Error"))],
      },
    },
    "0/2 Error 0",
  ],
  [
    "first of two inits",
    {
      inits: ["once", "once"],
      status: {
        phase: "Pending",
        initContainerStatuses: [status("i0", running), status("i1", waiting("PodInitializing"))],
      },
    },
    "0/1 Init:0/2 0",
  ],
  [
    "second of two inits",
    {
      inits: ["once", "once"],
      status: {
        phase: "Pending",
        initContainerStatuses: [status("i0", ended(0)), status("i1", waiting("PodInitializing"))],
      },
    },
    "0/1 Init:1/2 0",
  ],
  [
    "an init that fails",
    { inits: ["once"], status: { phase: "Pending", initContainerStatuses: [status("i0", ended(1, "Error"))] } },
    "0/1 Init:Error 0",
  ],
  [
    "an init that fails without words",
    { inits: ["once"], status: { phase: "Pending", initContainerStatuses: [status("i0", ended(1))] } },
    "0/1 Init:ExitCode:1 0",
  ],
  [
    "an init that crashes",
    {
      inits: ["once"],
      status: { phase: "Pending", initContainerStatuses: [status("i0", waiting("CrashLoopBackOff"), restarted)] },
    },
    "0/1 Init:CrashLoopBackOff 3 (5m ago)",
  ],
  [
    "a sidecar that runs",
    {
      inits: ["sidecar"],
      status: {
        phase: "Running",
        conditions: [condition("Initialized")],
        initContainerStatuses: [status("i0", running, { restartCount: 1 })],
        containerStatuses: [status("c0", running)],
      },
    },
    "2/2 Running 1",
  ],
  [
    "a sidecar that starts",
    {
      inits: ["sidecar"],
      status: { phase: "Pending", initContainerStatuses: [status("i0", running, { started: false, ready: false })] },
    },
    "0/2 Init:0/1 0",
  ],
  [
    "terminating",
    { deleted: true, status: { phase: "Running", containerStatuses: [status("c0", running)] } },
    "1/1 Terminating 0",
  ],
  [
    "deleted, but done",
    { deleted: true, status: { phase: "Succeeded", containerStatuses: [status("c0", ended(0, "Completed"))] } },
    "0/1 Completed 0",
  ],
  ["on a lost node", { deleted: true, status: { phase: "Running", reason: "NodeLost" } }, "0/1 Unknown 0"],
];

for (const [name, given, wanted] of cases) {
  test(`the row of a Pod that is ${name}`, () => assert.equal(cells(given), wanted));
}

test("the wide columns name address, node and gates", () => {
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web" },
    spec: { containers: [], nodeName: "n1", readinessGates: [{ conditionType: "a/b" }, { conditionType: "c/d" }] },
    status: { podIPs: [{ ip: "fd00::2" }, { ip: "10.244.0.2" }], conditions: [condition("a/b")] },
  };
  const row = podColumns.slice(5).map(({ name, cell }) => `${name}=${cell(pod, now)}`);
  assert.deepEqual(row, ["IP=fd00::2", "Node=n1", "Nominated Node=<none>", "Readiness Gates=1/2"]);
  assert.deepEqual(
    podColumns.map(({ priority }) => priority),
    [0, 0, 0, 0, 0, 1, 1, 1, 1],
  );
});
