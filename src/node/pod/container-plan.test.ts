import assert from "node:assert/strict";
import test from "node:test";
import { planContainers } from "./container-plan.ts";
import type { ContainerRole, ContainerView } from "./container-view.ts";
import { type RestartBackoff, raiseBackoff, restartAtMs } from "./restart-backoff.ts";

const nowMs = 1_000_000;

/** "init a=exit0", "app b=run", "sidecar c=run!" (started), "app d" (never started), "app e Never=exit1" (its own policy). */
function parse(text: string): ContainerView {
  const [, role, name = "", restartPolicy, state = ""] =
    /^(init|sidecar|app) (\w+)(?: (\w+))?(?:=(.*))?$/.exec(text) ?? [];
  const common = { name, image: "host", role: role as ContainerRole, restartPolicy };
  const base = { ...common, ready: false, started: state === "run!" };
  if (!state) return base;
  const exitCode = /^exit(\d+)$/.exec(state)?.[1];
  const startedAtMs = nowMs - 100;
  const current =
    exitCode === undefined
      ? ({ kind: "running", pid: 1, startedAtMs } as const)
      : ({ kind: "exited", startedAtMs, finishedAtMs: nowMs - 50, exitCode: Number(exitCode) } as const);
  return { ...base, current: { id: name, attempt: 0, imageId: "", state: current } };
}

const cases: readonly {
  name: string;
  policy?: string;
  views: string[];
  start?: string[];
  wait?: string[];
  ended?: boolean;
  backoff?: string;
}[] = [
  { name: "all apps at once", views: ["app a", "app b"], start: ["a", "b"] },
  { name: "the first init alone", views: ["init i", "init j", "app a"], start: ["i"] },
  { name: "the next init after the first", views: ["init i=exit0", "init j", "app a"], start: ["j"] },
  { name: "nothing while an init runs", views: ["init i=run", "app a"] },
  { name: "apps after all inits", views: ["init i=exit0", "app a"], start: ["a"] },
  { name: "a failed init again", views: ["init i=exit1", "app a"], start: ["i"] },
  { name: "a failed init with Never ends the Pod", policy: "Never", views: ["init i=exit1", "app a"], ended: true },
  { name: "a sidecar holds the rest back until it has started", views: ["sidecar s=run", "app a"] },
  { name: "apps beside a started sidecar", views: ["sidecar s=run!", "app a"], start: ["a"] },
  {
    name: "a sidecar is restarted whatever the policy",
    policy: "Never",
    views: ["sidecar s=exit0", "app a=run"],
    start: ["s"],
  },
  {
    name: "a sidecar does not keep a Pod from its end",
    policy: "Never",
    views: ["sidecar s=run!", "app a=exit0"],
    ended: true,
  },
  { name: "Always restarts after success", views: ["app a=exit0"], start: ["a"] },
  {
    name: "OnFailure restarts after failure",
    policy: "OnFailure",
    views: ["app a=exit1", "app b=exit0"],
    start: ["a"],
  },
  { name: "OnFailure ends after success", policy: "OnFailure", views: ["app a=exit0"], ended: true },
  { name: "Never ends", policy: "Never", views: ["app a=exit1"], ended: true },
  { name: "Never waits for the others", policy: "Never", views: ["app a=exit1", "app b=run"] },
  { name: "a container's own policy comes first: Never", views: ["app a Never=exit1", "app b=exit1"], start: ["b"] },
  {
    name: "a container's own policy comes first: Always",
    policy: "Never",
    views: ["app a Always=exit0"],
    start: ["a"],
  },
  { name: "a container's own policy comes first: OnFailure", views: ["app a OnFailure=exit0"], ended: true },
  { name: "a back-off holds back", views: ["app a=exit1"], backoff: "a", wait: ["a"] },
  { name: "inits are not asked again", views: ["init i=exit0", "app a=exit1", "app b=run"], start: ["a"] },
];
for (const { name, policy = "Always", views, start = [], wait = [], ended = false, backoff } of cases) {
  test(`planContainers(): ${name}`, () => {
    const backoffs = new Map<string, RestartBackoff>(
      backoff ? [[backoff, { delayMs: 10_000, sinceMs: nowMs - 200 }]] : [],
    );
    const plan = planContainers({ views: views.map(parse), restartPolicy: policy, backoffs, nowMs });
    const names = (list: readonly { name: string }[]) => list.map(({ name: one }) => one);
    assert.deepEqual({ start: names(plan.start), wait: names(plan.wait), ended: plan.ended }, { start, wait, ended });
  });
}

test("restarts come at once, after 10 s, 20 s … 300 s, and at once again after ten minutes", () => {
  let backoff: RestartBackoff | undefined;
  let timeMs = 0;
  const delays: number[] = [];
  for (let restarts = 0; restarts < 8; restarts++) {
    const finishedAtMs = timeMs + 1;
    timeMs = restartAtMs(backoff, finishedAtMs);
    delays.push((timeMs - finishedAtMs) / 1000);
    backoff = raiseBackoff(backoff, finishedAtMs);
  }
  assert.deepEqual(delays, [0, 10, 20, 40, 80, 160, 300, 300]);
  const muchLater = timeMs + 700_000;
  assert.equal(restartAtMs(backoff, muchLater), muchLater);
  assert.equal(raiseBackoff(backoff, muchLater).delayMs, 10_000);
});
