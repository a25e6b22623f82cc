/** What must stand before a Pod's first container, and what is taken away after its last; faults become Events. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Pod } from "../../api/object.ts";
import { pods } from "../../api/resource.ts";
import { isConflict, isNotFound } from "../../client/client.ts";
import { detachMountsBelow } from "../../kernel/mount.ts";
import type { PodContext } from "./pod-context.ts";
import { ensureSandbox, type PodSandbox } from "./pod-sandbox.ts";
import { podHandler } from "./runtime-handler.ts";

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function warn(
  { recorder }: PodContext,
  pod: Pod,
  { reason, message }: { reason: string; message: string },
): void {
  recorder.record(pod, { type: "Warning", reason, message });
}

export async function makeSandbox(context: PodContext, pod: Pod): Promise<PodSandbox> {
  try {
    await podHandler(context, pod.spec);
    return ensureSandbox(context, pod);
  } catch (error) {
    const message = `Failed to create pod sandbox: ${messageOf(error)}`;
    warn(context, pod, { reason: "FailedCreatePodSandBox", message });
    throw error;
  }
}

/** With what is mounted in it. */
export function removeDirectory(path: string): void {
  detachMountsBelow(path);
  rmSync(path, { recursive: true, force: true });
}

/** Containers (which have ended), volumes and logs. */
export async function removeRemains({ runtime, directories }: PodContext, uid: string): Promise<void> {
  for (const { id, podUid } of runtime.list()) if (podUid === uid) await runtime.remove(id);
  await runtime.endPod?.(uid, { forget: true });
  for (const directory of [directories.memory, directories.disk]) removeDirectory(join(directory, uid));
}

/** The last step of a graceful deletion is the node's. */
export async function deleteFromApi({ client }: PodContext, { metadata }: Pod): Promise<void> {
  const preconditions = { uid: metadata.uid ?? "" };
  try {
    await client.delete(pods, metadata, { gracePeriodSeconds: 0, preconditions });
  } catch (error) {
    // Another Pod has the name by now, or none.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}
