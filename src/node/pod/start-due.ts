/** Starts what is due of a Pod's containers, and shows what waits. */
import type { Pod } from "../../api/object.ts";
import { type LaunchInputs, launchContainer } from "./container-launch.ts";
import { type Plan, planContainers } from "./container-plan.ts";
import type { NearestWake } from "./nearest-wake.ts";
import type { PodContainers } from "./pod-containers.ts";
import type { PodContext } from "./pod-context.ts";
import { warn } from "./pod-surroundings.ts";
import { raiseBackoff } from "./restart-backoff.ts";

export interface DueInputs extends Omit<LaunchInputs, "container" | "attempt" | "pidOwner"> {
  readonly context: PodContext;
  readonly containers: PodContainers;
  /** Told when to look again. */
  readonly wake: NearestWake;
  /** The container whose processes all others see. */
  readonly sharedProcesses: string | undefined;
}

export async function startDue(inputs: DueInputs): Promise<Plan> {
  const { context, containers, pod } = inputs;
  const { restartPolicy = "Always" } = pod.spec;
  containers.stopReplaced();
  const { views, backoffs } = containers;
  const plan = planContainers({ views, restartPolicy, backoffs, nowMs: context.clock.now() });
  for (const held of plan.wait) showBackoff(inputs, held);
  await Promise.all(plan.start.map((due) => start(inputs, due)));
  return plan;
}

async function start(inputs: DueInputs, { name, attempt }: Plan["start"][number]): Promise<void> {
  const { context, containers, wake, sharedProcesses, ...shared } = inputs;
  const slot = containers.find(name);
  if (!slot) return;
  if (slot.retryAtMs > context.clock.now()) return wake.at(slot.retryAtMs);
  const { current, container } = slot;
  const finishedAtMs = current?.state.kind === "exited" ? current.state.finishedAtMs : undefined;
  const pidOwner = sharedProcesses ?? containers.find(container.targetContainerName)?.info?.id;
  await launchContainer(context, slot, { ...shared, container, pidOwner, attempt: slot.attemptOf(attempt) });
  if (slot.waiting) wake.at(slot.retryAtMs);
  else if (finishedAtMs !== undefined) slot.backoff = raiseBackoff(slot.backoff, finishedAtMs);
  slot.observe();
}

function showBackoff({ context, containers, wake, pod }: DueInputs, { name, untilMs, delayMs }: Plan["wait"][number]) {
  const slot = containers.find(name);
  wake.at(untilMs);
  if (!slot || slot.waiting?.reason === "CrashLoopBackOff") return;
  const id = podId(pod);
  const message = `back-off ${formatSeconds(delayMs)} restarting failed container=${name} pod=${id}`;
  slot.waiting = { reason: "CrashLoopBackOff", message };
  warn(context, pod, { reason: "BackOff", message: `Back-off restarting failed container ${name} in pod ${id}` });
}

const podId = ({ metadata: { uid, name, namespace } }: Pod): string => `${name}_${namespace}(${uid})`;

/** As Go writes durations: "10s", "2m40s". */
function formatSeconds(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  return minutes > 0 ? `${minutes}m${rest}s` : `${rest}s`;
}
