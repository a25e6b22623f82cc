/** What `kubectl get pods` shows, and why a Pod is in the state that the Status column names. */
import type { ContainerStatus } from "kubernetes-types/core/v1";
import { age } from "../human-duration.ts";
import type { Column } from "../kind.ts";
import type { Pod } from "../object.ts";
import { ageColumn, nameColumn, none, text, wide } from "./_column.ts";

/** Init containers that restart, and so run beside the others. */
function sidecarNames({ spec }: Pod): Set<string> {
  return new Set((spec.initContainers ?? []).filter((c) => c.restartPolicy === "Always").map(({ name }) => name));
}

function hasCondition({ status }: Pod, type: string): boolean {
  return (status?.conditions ?? []).some((condition) => condition.type === type && condition.status === "True");
}

function endReason({ state }: ContainerStatus): string {
  const ended = state?.terminated;
  if (!ended) return "";
  if (ended.reason) return ended.reason;
  return ended.signal ? `Signal:${ended.signal}` : `ExitCode:${ended.exitCode}`;
}

/** "Init:…" while an init container has not done its part; undefined when all have. */
function initReason(pod: Pod, sidecars: ReadonlySet<string>): string | undefined {
  const total = pod.spec.initContainers?.length ?? 0;
  for (const [index, container] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const { terminated, waiting } = container.state ?? {};
    if (terminated && terminated.exitCode === 0) continue;
    if (sidecars.has(container.name) && container.started) continue;
    if (terminated) return `Init:${endReason(container)}`;
    if (waiting?.reason && waiting.reason !== "PodInitializing") return `Init:${waiting.reason}`;
    return `Init:${index}/${total}`;
  }
  return undefined;
}

/** The reason of the first container that does not run; undefined if all do. One that failed tells more than one that is done. */
function containerReason(pod: Pod): string | undefined {
  let reason: string | undefined;
  let failure: string | undefined;
  let running = false;
  for (const container of (pod.status?.containerStatuses ?? []).toReversed()) {
    if (container.state?.waiting?.reason) reason = container.state.waiting.reason;
    else if (container.state?.terminated) {
      reason = endReason(container);
      if (container.state.terminated.exitCode !== 0) failure = reason;
    } else if (container.ready && container.state?.running) running = true;
  }
  if (reason !== "Completed") return reason;
  if (running && hasCondition(pod, "Ready")) return "Running";
  return failure ?? (running ? "NotReady" : reason);
}

/** The Status column: the most telling reason that the Pod's status holds. */
export function podStatus(pod: Pod): string {
  const { status, metadata } = pod;
  const gated = (status?.conditions ?? []).find(
    ({ type, reason }) => type === "PodScheduled" && reason === "SchedulingGated",
  );
  let reason = gated ? "SchedulingGated" : status?.reason || status?.phase || "";
  const init = initReason(pod, sidecarNames(pod));
  if (init) reason = init;
  if (!init || hasCondition(pod, "Initialized")) reason = containerReason(pod) ?? reason;
  if (!metadata.deletionTimestamp) return reason;
  if (status?.reason === "NodeLost") return "Unknown";
  return status?.phase === "Succeeded" || status?.phase === "Failed" ? reason : "Terminating";
}

/** The containers that count: all but those init containers that end. */
function countedStatuses(pod: Pod): ContainerStatus[] {
  const sidecars = sidecarNames(pod);
  const inits = (pod.status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name));
  return [...inits, ...(pod.status?.containerStatuses ?? [])];
}

function readyCell(pod: Pod): string {
  const ready = countedStatuses(pod).filter((container) => container.ready && container.state?.running).length;
  return `${ready}/${pod.spec.containers.length + sidecarNames(pod).size}`;
}

function restartsCell(pod: Pod, now: number): string {
  const initializing = initReason(pod, sidecarNames(pod)) !== undefined && !hasCondition(pod, "Initialized");
  const statuses = initializing ? (pod.status?.initContainerStatuses ?? []) : countedStatuses(pod);
  const count = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
  const times = statuses.map(({ lastState }) => lastState?.terminated?.finishedAt ?? "").filter(Boolean);
  const last = times.sort((a, b) => Date.parse(a) - Date.parse(b)).at(-1);
  return count > 0 && last ? `${count} (${age(last, now)} ago)` : `${count}`;
}

function gatesCell(pod: Pod): string {
  const gates = pod.spec.readinessGates ?? [];
  if (gates.length === 0) return none;
  return `${gates.filter(({ conditionType }) => hasCondition(pod, conditionType)).length}/${gates.length}`;
}

export const podColumns: readonly Column<Pod>[] = [
  nameColumn,
  text("Ready", "Containers that are ready, of all that should be.", readyCell),
  text("Status", "The most telling state of the Pod or of one of its containers.", podStatus),
  text("Restarts", "How often containers were restarted, and when last.", restartsCell),
  ageColumn,
  wide(text("IP", "Primary address of the Pod.", ({ status }) => status?.podIPs?.[0]?.ip || status?.podIP || none)),
  wide(text("Node", "Node that the Pod is bound to.", ({ spec }) => spec.nodeName || none)),
  wide(text("Nominated Node", "Node on which room is being made.", ({ status }) => status?.nominatedNodeName || none)),
  wide(text("Readiness Gates", "Readiness gates that are true, of all that there are.", gatesCell)),
];
