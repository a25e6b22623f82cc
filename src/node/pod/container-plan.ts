/** Which containers of a Pod start now, which wait, and whether the Pod has ended (pure). Source: "Pod Lifecycle", "Init Containers", "Sidecar Containers". */
import type { ContainerView } from "./container-view.ts";
import { type RestartBackoff, restartAtMs } from "./restart-backoff.ts";

export interface PlanInputs {
  readonly views: readonly ContainerView[];
  readonly restartPolicy: string;
  readonly backoffs: ReadonlyMap<string, RestartBackoff>;
  readonly nowMs: number;
}

export interface Plan {
  readonly start: readonly { readonly name: string; readonly attempt: number }[];
  /** Containers whose restart is held back. */
  readonly wait: readonly { readonly name: string; readonly untilMs: number; readonly delayMs: number }[];
  /** Nothing of the Pod will be started again; sidecars that still run must be stopped. */
  readonly ended: boolean;
}

function shouldRestart({ role, current, restartPolicy }: ContainerView, ofPod: string): boolean {
  if (current?.state.kind !== "exited" || role === "ephemeral") return false;
  const policy = restartPolicy ?? (role === "sidecar" ? "Always" : ofPod);
  // An init container that succeeded is done, whatever the policy.
  if (current.state.exitCode === 0 && role === "init") return false;
  if (current.state.exitCode === 0) return policy === "Always";
  return policy !== "Never";
}

type Step =
  | { readonly kind: "start"; readonly name: string; readonly attempt: number }
  | { readonly kind: "wait"; readonly name: string; readonly untilMs: number; readonly delayMs: number }
  | { readonly kind: "running" | "succeeded" | "failed" };

function stepOf(view: ContainerView, { restartPolicy, backoffs, nowMs }: PlanInputs): Step {
  const { name, current } = view;
  if (!current) return { kind: "start", name, attempt: 0 };
  if (current.state.kind !== "exited") return { kind: "running" };
  if (view.replacing) return { kind: "start", name, attempt: current.attempt + 1 };
  if (!shouldRestart(view, restartPolicy)) return { kind: current.state.exitCode === 0 ? "succeeded" : "failed" };
  const backoff = backoffs.get(name);
  const untilMs = restartAtMs(backoff, current.state.finishedAtMs);
  if (untilMs > nowMs) return { kind: "wait", name, untilMs, delayMs: backoff?.delayMs ?? 0 };
  return { kind: "start", name, attempt: current.attempt + 1 };
}

/** Init containers one after the other; a sidecar lets the next one begin when it has started; then all others at once. */
export function planContainers(inputs: PlanInputs): Plan {
  const start: Extract<Step, { kind: "start" }>[] = [];
  const wait: Extract<Step, { kind: "wait" }>[] = [];
  const take = (view: ContainerView): Step => {
    const step = stepOf(view, inputs);
    if (step.kind === "start") start.push(step);
    if (step.kind === "wait") wait.push(step);
    return step;
  };
  const apps = inputs.views.filter(({ role }) => role === "app");
  const begun = apps.some(({ current }) => current !== undefined);
  // These wait for nothing: they are there to find out what others wait for.
  for (const view of inputs.views) if (view.role === "ephemeral") take(view);
  for (const view of inputs.views) {
    if (view.role === "app" || view.role === "ephemeral") continue;
    // Init containers are not asked again once the others have begun.
    if (begun && view.role === "init") continue;
    const { kind } = take(view);
    if (kind === "failed") return { start: [], wait: [], ended: true };
    const passed = view.role === "sidecar" ? kind === "running" && view.started : kind === "succeeded";
    if (!passed && !begun) return { start, wait, ended: false };
  }
  const steps = apps.map(take);
  const ended = steps.every(({ kind }) => kind === "succeeded" || kind === "failed");
  return ended ? { start: [], wait: [], ended } : { start, wait, ended };
}
