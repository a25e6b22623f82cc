/** One container's status as the API shows it (pure). Source: core/v1 ContainerStatus; reasons as the kubelet gives them. */
import type { ContainerState as ApiState, ContainerStatus } from "kubernetes-types/core/v1";
import { processHandler } from "../runtime/process-engine.ts";
import type { ContainerView, Instance } from "./container-view.ts";

/** Of what runs with none of another name. */
const ownRuntime = "fairlead";

/** The API's times have whole seconds. */
export function apiTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

export function containerId({ id, handler, foreignId = id }: Pick<Instance, "id" | "handler" | "foreignId">): string {
  return `${handler === undefined || handler === processHandler ? ownRuntime : handler}://${foreignId}`;
}

/** Undefined while it runs. */
export function terminatedState(instance: Instance): ApiState | undefined {
  const { state, message } = instance;
  if (state.kind !== "exited") return undefined;
  const { exitCode, startedAtMs, finishedAtMs, error } = state;
  const reason = reasonOf(state);
  const text = error ?? message;
  return {
    terminated: {
      exitCode,
      reason,
      ...(text !== undefined && { message: text }),
      startedAt: apiTime(startedAtMs ?? finishedAtMs),
      finishedAt: apiTime(finishedAtMs),
      containerID: containerId(instance),
    },
  };
}

function reasonOf({ exitCode, startedAtMs, error, oomKilled }: Extract<Instance["state"], { kind: "exited" }>): string {
  if (error !== undefined) return startedAtMs === undefined ? "StartError" : "ContainerStatusUnknown";
  if (oomKilled) return "OOMKilled";
  return exitCode === 0 ? "Completed" : "Error";
}

function stateOf({ current, waiting }: ContainerView, defaultReason: string): ApiState {
  if (current?.state.kind === "running") return { running: { startedAt: apiTime(current.state.startedAtMs) } };
  if (waiting) return { waiting };
  return (current && terminatedState(current)) ?? { waiting: { reason: defaultReason } };
}

/** `defaultReason` is for a container that has not been started yet: ContainerCreating or PodInitializing. */
export function containerStatus(view: ContainerView, { defaultReason }: { defaultReason: string }): ContainerStatus {
  const { name, image, current, last, role } = view;
  const state = stateOf(view, defaultReason);
  // While a restart is held back, how the container ended is its last state.
  const lastState = state.waiting && current?.state.kind === "exited" ? terminatedState(current) : last;
  const running = state.running !== undefined;
  const ready =
    role === "init" ? state.terminated?.exitCode === 0 : running && view.started && view.ready && role !== "ephemeral";
  return {
    name,
    image,
    imageID: current?.imageId ?? "",
    ...(current && { containerID: containerId(current) }),
    state,
    lastState: lastState ?? {},
    ready,
    started: running && (role === "init" || view.started) && role !== "ephemeral",
    restartCount: current?.attempt ?? 0,
  };
}
