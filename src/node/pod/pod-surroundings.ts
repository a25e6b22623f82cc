/** What must stand before a Pod's first container, and what is taken away after its last; faults become Events. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Pod } from "../../api/object.ts";
import { pods } from "../../api/resource.ts";
import { isConflict, isNotFound } from "../../client/client.ts";
import type { PodFacts } from "../environment/field-ref.ts";
import { makeVolumes, VolumeError } from "../volumes/pod-volumes.ts";
import { renewTokens, requestTokens, type Token, tokenSources } from "../volumes/service-account-token.ts";
import { volumeReferences } from "../volumes/volume-files.ts";
import { readConfigSource } from "./api-objects.ts";
import type { PodContext } from "./pod-context.ts";
import { volumeDirectories } from "./pod-paths.ts";
import { ensureSandbox, type PodSandbox } from "./pod-sandbox.ts";

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

export function makeSandbox(context: PodContext, pod: Pod): PodSandbox {
  try {
    return ensureSandbox(context, pod);
  } catch (error) {
    const message = `Failed to create pod sandbox: ${messageOf(error)}`;
    warn(context, pod, { reason: "FailedCreatePodSandBox", message });
    throw error;
  }
}

async function requestPodTokens(context: PodContext, pod: Pod): Promise<ReadonlyMap<string, Token>> {
  const { volumes = [] } = pod.spec;
  try {
    return await requestTokens(context, pod, volumes);
  } catch (error) {
    const [first] = tokenSources(volumes);
    throw new VolumeError(first?.volume ?? "", `failed to fetch token: ${messageOf(error)}`);
  }
}

/** Paths of the Pod's volumes by name. Its tokens are renewed until `signal` aborts. */
export async function makePodVolumes(
  context: PodContext,
  facts: PodFacts,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const { metadata, spec } = facts.pod;
  const { uid = "", namespace = "default" } = metadata;
  const { volumes = [] } = spec;
  try {
    const [sources, tokens] = await Promise.all([
      readConfigSource(context.client, volumeReferences(volumes), namespace),
      requestPodTokens(context, facts.pod),
    ]);
    const directories = volumeDirectories(context.directories, uid);
    const paths = await makeVolumes(volumes, { directories, inputs: { facts, sources, tokens } });
    renewTokens({ ...context, signal, paths }, facts.pod, tokens);
    return paths;
  } catch (error) {
    const name = error instanceof VolumeError ? error.volume : "";
    const message = `MountVolume.SetUp failed for volume "${name}" : ${messageOf(error)}`;
    warn(context, facts.pod, { reason: "FailedMount", message });
    throw error;
  }
}

/** Containers (which have ended), volumes and logs. */
export async function removeRemains({ runtime, directories }: PodContext, uid: string): Promise<void> {
  for (const { id, podUid } of runtime.list()) if (podUid === uid) await runtime.remove(id);
  for (const directory of [directories.memory, directories.disk]) {
    rmSync(join(directory, uid), { recursive: true, force: true });
  }
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
