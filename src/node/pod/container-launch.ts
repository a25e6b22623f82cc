/** One try to start a container, from its image to its running process, with the Events that users know. */
import { rmSync } from "node:fs";
import type { Pod } from "../../api/object.ts";
import { ContainerConfigError } from "../environment/field-ref.ts";
import { defaultPullPolicy, type ImageReference, parseImageReference } from "../images/reference.ts";
import type { ContainerInfo, ContainerSpec } from "../runtime/container-runtime.ts";
import { machineFiles } from "../runtime/file-view.ts";
import { missingCommand } from "../runtime/find-command.ts";
import type { ContainerSlot } from "./container-slot.ts";
import { containerSpec, type StartInputs } from "./container-starter.ts";
import { runHook } from "./lifecycle-hook.ts";
import type { PodContext } from "./pod-context.ts";
import { logPath, terminationPath } from "./pod-paths.ts";
import { pullCredentials } from "./pull-credentials.ts";

const imageRetry = { firstMs: 10_000, maxMs: 300_000 };
const configRetry = { firstMs: 1_000, maxMs: 60_000 };
/** How long the reason ErrImagePull is shown before ImagePullBackOff. */
const pullErrorShownMs = 1_000;

export type LaunchInputs = Omit<StartInputs, "image">;

function holdBack(slot: ContainerSlot, nowMs: number, { firstMs, maxMs }: { firstMs: number; maxMs: number }): void {
  slot.retryAtMs = nowMs + Math.min(firstMs * 2 ** slot.retries++, maxMs);
}

function warn({ recorder }: PodContext, pod: Pod, message: string): void {
  recorder.record(pod, { type: "Warning", reason: "Failed", message });
}

async function findImage(context: PodContext, slot: ContainerSlot, { pod, container }: LaunchInputs) {
  const { image: name = "" } = container;
  const reference = parseImageReference(name);
  const pullPolicy = container.imagePullPolicy ?? (reference ? defaultPullPolicy(reference) : "IfNotPresent");
  const onPull = () =>
    context.recorder.record(pod, { type: "Normal", reason: "Pulling", message: `Pulling image "${name}"` });
  const credentials = (wanted: ImageReference) => pullCredentials(context, pod, wanted);
  const found = await context.images.resolve(name, { pullPolicy, onPull, credentials });
  if (found.ok) return found;
  const { reason, message } = found;
  slot.waiting = { reason, message };
  holdBack(slot, context.clock.now(), imageRetry);
  if (reason === "ErrImagePull") {
    warn(context, pod, `Failed to pull image "${name}": ${message}`);
    context.clock.after(pullErrorShownMs, () => showPullBackoff(context, slot, { pod, name, message }));
  }
  warn(context, pod, `Error: ${reason}`);
  return undefined;
}

const seconds = (ms: number): string => (ms < 1000 ? `${ms}ms` : `${ms / 1000}s`);

function pulledMessage(name: string, pulled: { ms: number; sizeBytes: number } | undefined): string {
  if (!pulled) return `Container image "${name}" already present on machine`;
  const time = seconds(pulled.ms);
  return `Successfully pulled image "${name}" in ${time} (${time} including waiting). Image size: ${pulled.sizeBytes} bytes.`;
}

function showPullBackoff(
  { recorder, signal }: PodContext,
  slot: ContainerSlot,
  { pod, name, message }: { pod: Pod; name: string; message: string },
): void {
  if (slot.waiting?.reason !== "ErrImagePull" || signal.aborted) return;
  const text = `Back-off pulling image "${name}"`;
  slot.waiting = { reason: "ImagePullBackOff", message: `${text}: ErrImagePull: ${message}` };
  recorder.record(pod, { type: "Normal", reason: "BackOff", message: text });
  recorder.record(pod, { type: "Warning", reason: "Failed", message: "Error: ImagePullBackOff" });
  slot.changed();
}

async function makeSpec(
  context: PodContext,
  slot: ContainerSlot,
  inputs: StartInputs,
): Promise<ContainerSpec | undefined> {
  try {
    return await containerSpec(context, inputs);
  } catch (error) {
    if (!(error instanceof ContainerConfigError)) throw error;
    slot.waiting = { reason: "CreateContainerConfigError", message: error.message };
    holdBack(slot, context.clock.now(), configRetry);
    warn(context, inputs.pod, `Error: ${error.message}`);
    return undefined;
  }
}

/** The record of a start that ended before it began. */
function failedStart(
  spec: ContainerSpec,
  error: string,
  nowMs: number,
): Pick<ContainerInfo, "id" | "handler" | "attempt" | "imageId" | "state"> {
  const { id, handler, attempt, imageId } = spec;
  return {
    id,
    ...(handler && { handler }),
    attempt,
    imageId,
    state: { kind: "exited", finishedAtMs: nowMs, exitCode: 128, error },
  };
}

async function run(
  context: PodContext,
  slot: ContainerSlot,
  { spec, pod }: { spec: ContainerSpec; pod: Pod },
): Promise<void> {
  const { runtime, recorder, clock, directories } = context;
  recorder.record(pod, { type: "Normal", reason: "Created", message: `Created container: ${spec.name}` });
  const missing = missingCommand(spec, machineFiles);
  const before = slot.replace(
    missing === undefined ? { id: spec.id } : { failed: failedStart(spec, missing, clock.now()) },
  );
  if (missing === undefined) await runtime.start(spec);
  if (before !== undefined) await runtime.remove(before);
  // Logs of this start and of the one before are kept.
  const { podUid: uid, name, attempt } = spec;
  const oldLog = logPath(directories, { uid, container: name, attempt: attempt - 2 });
  const oldWords = terminationPath(directories, { uid, container: name, attempt: attempt - 1 });
  for (const path of [oldLog, `${oldLog}.1`, oldWords]) rmSync(path, { force: true });
  const state = slot.current?.state;
  const error = state?.kind === "exited" && state.startedAtMs === undefined ? state.error : undefined;
  if (error !== undefined) warn(context, pod, `Error: failed to start container "${name}": ${error}`);
  else recorder.record(pod, { type: "Normal", reason: "Started", message: `Started container ${name}` });
}

async function postStart(
  context: PodContext,
  slot: ContainerSlot,
  { pod, container, sandbox }: StartInputs,
): Promise<void> {
  const { id } = slot.info ?? {};
  const hook = container.lifecycle?.postStart;
  if (!hook || id === undefined) return;
  const exec = (argv: readonly string[], options: { timeoutMs: number }) => context.runtime.exec(id, argv, options);
  const ip = sandbox.podIps[0] ?? "";
  const result = await runHook(hook, { ip, container, timeoutMs: 2 ** 31 - 1, exec });
  if (result.ok) return;
  context.recorder.record(pod, {
    type: "Warning",
    reason: "FailedPostStartHook",
    message: `PostStartHook failed: ${result.message}`,
  });
  const graceMs = (pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
  slot.stop(context.clock.now() + graceMs, "FailedPostStartHook");
}

/** Afterwards the slot says how it went; throws only for a fault of the moment, which is worth another try soon. */
export async function launchContainer(context: PodContext, slot: ContainerSlot, inputs: LaunchInputs): Promise<void> {
  const found = await findImage(context, slot, inputs);
  if (!found) return;
  const { image } = found;
  const all = { ...inputs, image };
  const spec = await makeSpec(context, slot, all);
  if (!spec) return;
  slot.retries = 0;
  const { pod, container } = inputs;
  const message = pulledMessage(container.image ?? "", found.pulled);
  context.recorder.record(pod, { type: "Normal", reason: "Pulled", message });
  await run(context, slot, { spec, pod });
  void postStart(context, slot, all);
}
