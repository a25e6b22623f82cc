import assert from "node:assert/strict";
import test from "node:test";
import type { Pod } from "../../api/object.ts";
import type { ContainerRole, ContainerView } from "./container-view.ts";
import { type PodStatusInputs, podStatus } from "./pod-status.ts";

const nowMs = Date.parse("2026-01-02T03:04:05.678Z");
const startedAtMs = nowMs - 5_000;

const running = { kind: "running", pid: 7, startedAtMs } as const;
const exited = (exitCode: number) => ({ kind: "exited", exitCode, startedAtMs, finishedAtMs: nowMs }) as const;

function view(
  state: NonNullable<ContainerView["current"]>["state"] | undefined,
  more: Partial<ContainerView> & { attempt?: number } = {},
): ContainerView {
  const { attempt = 0, ...rest } = more;
  const up = state?.kind === "running";
  const current = state && { current: { id: "c1", attempt, imageId: "fairlead://host", state } };
  return { name: "main", image: "host", role: "app", ready: up, started: up, ...current, ...rest };
}

function inputs(
  views: readonly ContainerView[],
  more: Partial<PodStatusInputs> & { restartPolicy?: string } = {},
): PodStatusInputs {
  const { restartPolicy = "Always", ...rest } = more;
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default" },
    spec: { restartPolicy, containers: [{ name: "main" }] },
    status: { qosClass: "BestEffort" },
  };
  return {
    pod,
    views,
    podIps: ["10.244.0.2"],
    hostIps: ["172.18.0.2"],
    sandboxReady: true,
    finished: false,
    nowMs,
    ...rest,
  };
}

/** "Running Initialized ContainersReady Ready", with the conditions that are True. */
function summary(given: PodStatusInputs): string {
  const { phase, conditions = [] } = podStatus(given);
  const good = conditions.filter(({ status, type }) => status === "True" && type !== "PodScheduled");
  return [phase, ...good.map(({ type }) => type)].join(" ");
}

const init = { role: "init" as ContainerRole, name: "init" };
const sidecar = { role: "sidecar" as ContainerRole, name: "side" };
const all = "PodReadyToStartContainers Initialized Ready ContainersReady";

const cases: readonly { name: string; in: PodStatusInputs; want: string }[] = [
  { name: "nothing started", in: inputs([view(undefined)], { sandboxReady: false }), want: "Pending Initialized" },
  { name: "running and ready", in: inputs([view(running)]), want: `Running ${all}` },
  {
    name: "running, not ready",
    in: inputs([view(running, { ready: false })]),
    want: "Running PodReadyToStartContainers Initialized",
  },
  {
    name: "running, not started",
    in: inputs([view(running, { started: false })]),
    want: "Running PodReadyToStartContainers Initialized",
  },
  {
    name: "one of two runs",
    in: inputs([view(running), view(undefined)]),
    want: "Pending PodReadyToStartContainers Initialized",
  },
  { name: "init runs", in: inputs([view(running, init), view(undefined)]), want: "Pending PodReadyToStartContainers" },
  { name: "init done", in: inputs([view(exited(0), init), view(running)]), want: `Running ${all}` },
  {
    name: "init failed, Never",
    in: inputs([view(exited(1), init), view(undefined)], { restartPolicy: "Never" }),
    want: "Failed PodReadyToStartContainers",
  },
  {
    name: "init failed, Always",
    in: inputs([view(exited(1), init), view(undefined)]),
    want: "Pending PodReadyToStartContainers",
  },
  {
    name: "sidecar not started",
    in: inputs([view(running, { ...sidecar, started: false }), view(undefined)]),
    want: "Pending PodReadyToStartContainers",
  },
  { name: "sidecar runs", in: inputs([view(running, sidecar), view(running)]), want: `Running ${all}` },
  {
    name: "ended well, Never",
    in: inputs([view(exited(0))], { restartPolicy: "Never" }),
    want: "Succeeded PodReadyToStartContainers Initialized",
  },
  {
    name: "ended badly, Never",
    in: inputs([view(exited(2))], { restartPolicy: "Never" }),
    want: "Failed PodReadyToStartContainers Initialized",
  },
  {
    name: "ended badly, OnFailure",
    in: inputs([view(exited(2))], { restartPolicy: "OnFailure" }),
    want: "Running PodReadyToStartContainers Initialized",
  },
  { name: "ended well, Always", in: inputs([view(exited(0))]), want: "Running PodReadyToStartContainers Initialized" },
  {
    name: "held back",
    in: inputs([view(exited(1), { waiting: { reason: "CrashLoopBackOff" } })]),
    want: "Running PodReadyToStartContainers Initialized",
  },
  {
    name: "no image",
    in: inputs([view(undefined, { waiting: { reason: "ErrImagePull" } })]),
    want: "Pending PodReadyToStartContainers Initialized",
  },
  {
    name: "deleted, ended by a signal",
    in: inputs([view(exited(143))], { finished: true, sandboxReady: false }),
    want: "Failed Initialized",
  },
  {
    name: "deleted, ended well",
    in: inputs([view(exited(0))], { finished: true, sandboxReady: false }),
    want: "Succeeded Initialized",
  },
  {
    name: "deleted before it began",
    in: inputs([view(undefined)], { finished: true, sandboxReady: false }),
    want: "Failed Initialized",
  },
  {
    name: "too long",
    in: inputs([view(running)], { failure: { reason: "DeadlineExceeded", message: "…" } }),
    want: "Failed PodReadyToStartContainers Initialized",
  },
];
for (const { name, in: given, want } of cases) test(`podStatus(): ${name}`, () => assert.equal(summary(given), want));

test("podStatus() gives addresses, and keeps what others wrote and the time of a condition that holds on", () => {
  const first = podStatus(inputs([view(running)]));
  assert.deepEqual(first.podIPs, [{ ip: "10.244.0.2" }]);
  assert.equal(first.qosClass, "BestEffort");
  assert.equal(first.startTime, "2026-01-02T03:04:05Z");
  const { pod } = inputs([]);
  const gate = { type: "example.com/gate", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" };
  const known = { ...pod, status: { ...first, conditions: [...(first.conditions ?? []), gate] } };
  const second = podStatus({ ...inputs([view(running, { ready: false })], { pod: known }), nowMs: nowMs + 60_000 });
  const times = Object.fromEntries(
    (second.conditions ?? []).map(({ type, lastTransitionTime }) => [type, lastTransitionTime]),
  );
  assert.equal(times.Initialized, "2026-01-02T03:04:05Z");
  assert.equal(times.Ready, "2026-01-02T03:05:05Z");
  assert.equal(times["example.com/gate"], "2026-01-01T00:00:00Z");
  assert.equal(second.startTime, first.startTime);
});

test("podStatus() waits for readiness gates", () => {
  const given = inputs([view(running)]);
  const gated = { ...given.pod, spec: { ...given.pod.spec, readinessGates: [{ conditionType: "example.com/gate" }] } };
  const ready = podStatus({ ...given, pod: gated }).conditions?.find(({ type }) => type === "Ready");
  assert.equal(ready?.reason, "ReadinessGatesNotReady");
});

test("podStatus() shows how the container ended before as its last state", () => {
  const waiting = { reason: "CrashLoopBackOff", message: "back-off 10s" };
  const [held] = podStatus(inputs([view(exited(1), { waiting, attempt: 2 })])).containerStatuses ?? [];
  assert.deepEqual(held?.state, { waiting });
  assert.equal(held?.lastState?.terminated?.exitCode, 1);
  assert.equal(held?.restartCount, 2);
  const failed = { kind: "exited", exitCode: 128, finishedAtMs: nowMs, error: "no such program" } as const;
  const [start] = podStatus(inputs([view(failed)])).containerStatuses ?? [];
  assert.equal(start?.state?.terminated?.reason, "StartError");
  const [unready] = podStatus(inputs([view(undefined)])).containerStatuses ?? [];
  assert.equal(unready?.state?.waiting?.reason, "ContainerCreating");
});
