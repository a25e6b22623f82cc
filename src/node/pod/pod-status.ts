/** A Pod's status (pure). Source: "Pod Lifecycle" (phase, conditions), core/v1 PodStatus. */
import type { ContainerStatus, PodCondition, PodStatus } from "kubernetes-types/core/v1";
import type { Pod } from "../../api/object.ts";
import { apiTime, containerStatus } from "./container-status.ts";
import type { ContainerRole, ContainerView } from "./container-view.ts";

export interface PodStatusInputs {
  readonly pod: Pod;
  readonly views: readonly ContainerView[];
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
  readonly sandboxReady: boolean;
  /** No container will ever be started (again): the Pod has ended or is being deleted and all is stopped. */
  readonly finished: boolean;
  /** Why the Pod has failed as a whole, e.g. { reason: "DeadlineExceeded" }. */
  readonly failure?: { readonly reason: string; readonly message: string } | undefined;
  readonly nowMs: number;
}

type Phase = "Pending" | "Running" | "Succeeded" | "Failed";

const exitCodeOf = ({ state, lastState }: ContainerStatus): number | undefined =>
  state?.terminated?.exitCode ?? (state?.waiting ? lastState?.terminated?.exitCode : undefined);

const isRunning = ({ state }: ContainerStatus): boolean => state?.running !== undefined;

function initPhase(
  views: readonly ContainerView[],
  statuses: readonly ContainerStatus[],
  policy: string,
): "done" | "pending" | "failed" {
  for (const [index, view] of views.entries()) {
    const status = statuses[index];
    if (!status || view.role === "app" || view.role === "ephemeral") continue;
    if (view.role === "sidecar") {
      if (!status.started) return "pending";
      continue;
    }
    const code = status.state?.terminated?.exitCode;
    if (code === 0) continue;
    return code !== undefined && policy === "Never" ? "failed" : "pending";
  }
  return "done";
}

function phaseOf({ views, finished, pod, failure }: PodStatusInputs, statuses: readonly ContainerStatus[]): Phase {
  const { restartPolicy = "Always" } = pod.spec;
  if (failure) return "Failed";
  const apps = statuses.filter((_, index) => views[index]?.role === "app");
  const begun = apps.some((status) => isRunning(status) || exitCodeOf(status) !== undefined);
  const init = initPhase(views, statuses, restartPolicy);
  if (init === "failed") return "Failed";
  if (init === "pending" && !begun) return finished ? "Failed" : "Pending";
  const codes = apps.flatMap((status) => (isRunning(status) ? [] : [exitCodeOf(status)]));
  if (codes.includes(undefined)) return finished ? "Failed" : "Pending";
  if (apps.some(isRunning)) return "Running";
  const allGood = codes.every((code) => code === 0);
  if (finished) return allGood ? "Succeeded" : "Failed";
  if (restartPolicy === "Always") return "Running";
  if (allGood) return "Succeeded";
  return restartPolicy === "Never" ? "Failed" : "Running";
}

type Verdict = Pick<PodCondition, "reason" | "message"> & { readonly status: boolean };

function missing(names: readonly string[], { reason, what }: { reason: string; what: string }): Verdict {
  if (names.length === 0) return { status: true };
  return { status: false, reason, message: `containers with ${what} status: [${names.join(" ")}]` };
}

function initialized({ views }: PodStatusInputs, statuses: readonly ContainerStatus[], phase: Phase): Verdict {
  if (phase === "Succeeded") return { status: true, reason: "PodCompleted" };
  const names = statuses.flatMap((status, index) => {
    const role = views[index]?.role;
    const done =
      role === "init" ? status.state?.terminated?.exitCode === 0 : role === "sidecar" ? status.started : true;
    return done ? [] : [status.name];
  });
  return missing(names, { reason: "ContainersNotInitialized", what: "incomplete" });
}

function containersReady({ views }: PodStatusInputs, statuses: readonly ContainerStatus[], phase: Phase): Verdict {
  if (phase === "Succeeded") return { status: false, reason: "PodCompleted" };
  if (phase === "Failed") return { status: false, reason: "PodFailed" };
  const names = statuses.flatMap((status, index) =>
    ["init", "ephemeral"].includes(views[index]?.role ?? "") || status.ready ? [] : [status.name],
  );
  return missing(names, { reason: "ContainersNotReady", what: "unready" });
}

function ready(pod: Pod, containers: Verdict): Verdict {
  if (!containers.status) return containers;
  const gates = (pod.spec.readinessGates ?? []).map(({ conditionType }) => conditionType);
  const present = new Map((pod.status?.conditions ?? []).map(({ type, status }) => [type, status]));
  const absent = gates.filter((gate) => present.get(gate) !== "True");
  if (absent.length === 0) return { status: true };
  const texts = absent.map((gate) =>
    present.has(gate)
      ? `the status of pod readiness gate "${gate}" is not "True", but ${present.get(gate)}`
      : `corresponding condition of pod readiness gate "${gate}" does not exist.`,
  );
  return { status: false, reason: "ReadinessGatesNotReady", message: texts.join(", ") };
}

/** Conditions of others (readiness gates, the scheduler's) stay; times change only with the status. */
function conditionsOf(inputs: PodStatusInputs, statuses: readonly ContainerStatus[], phase: Phase): PodCondition[] {
  const containers = containersReady(inputs, statuses, phase);
  const own: Readonly<Record<string, Verdict>> = {
    PodReadyToStartContainers: { status: inputs.sandboxReady },
    Initialized: initialized(inputs, statuses, phase),
    Ready: ready(inputs.pod, containers),
    ContainersReady: containers,
    PodScheduled: { status: true },
    ...(inputs.failure?.reason === "Evicted"
      ? { DisruptionTarget: { status: true, reason: "TerminationByKubelet", message: inputs.failure.message } }
      : {}),
  };
  const old = inputs.pod.status?.conditions ?? [];
  const mine = Object.entries(own).map(([type, verdict]): PodCondition => {
    const status = verdict.status ? "True" : "False";
    const before = old.find((condition) => condition.type === type);
    const lastTransitionTime = before?.status === status ? before.lastTransitionTime : undefined;
    const { reason, message } = verdict;
    return {
      type,
      status,
      lastTransitionTime: lastTransitionTime ?? apiTime(inputs.nowMs),
      ...(reason !== undefined && { reason }),
      ...(message !== undefined && { message }),
    };
  });
  return [...mine, ...old.filter(({ type }) => !Object.hasOwn(own, type))];
}

/** What is to be written; fields of others (qosClass, nominatedNodeName, …) are kept. */
export function podStatus(inputs: PodStatusInputs): PodStatus {
  const { pod, views, podIps, hostIps, nowMs, failure } = inputs;
  const hasInit = views.some(({ role }) => role === "init");
  const initDone = views.every(
    ({ role, current }) => role !== "init" || (current?.state.kind === "exited" && current.state.exitCode === 0),
  );
  const defaultReason = hasInit && !initDone ? "PodInitializing" : "ContainerCreating";
  const statuses = views.map((view) => containerStatus(view, { defaultReason }));
  const phase = phaseOf(inputs, statuses);
  const ofRole = (...roles: ContainerRole[]) =>
    statuses.filter((_, index) => roles.includes(views[index]?.role ?? "app"));
  const [initStatuses, ephemeralStatuses] = [ofRole("init", "sidecar"), ofRole("ephemeral")];
  const [hostIP, podIP] = [hostIps[0], podIps[0]];
  return {
    ...pod.status,
    phase,
    ...(failure ?? {}),
    conditions: conditionsOf(inputs, statuses, phase),
    ...(hostIP !== undefined && { hostIP, hostIPs: hostIps.map((ip) => ({ ip })) }),
    ...(podIP !== undefined && { podIP, podIPs: podIps.map((ip) => ({ ip })) }),
    startTime: pod.status?.startTime ?? apiTime(nowMs),
    ...(initStatuses.length > 0 && { initContainerStatuses: initStatuses }),
    containerStatuses: ofRole("app"),
    ...(ephemeralStatuses.length > 0 && { ephemeralContainerStatuses: ephemeralStatuses }),
  };
}
