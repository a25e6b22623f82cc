/** Looks again and again how much of the disk a Pod uses: only Pods with a limit have one. */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { PodSpec } from "kubernetes-types/core/v1";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { sleep } from "../../lib/sleep.ts";
import { type StorageUse, storageExcess } from "./storage-limits.ts";

/** As often as the kubelet's eviction manager. */
const everyMs = 10_000;
const blockSize = 512;

/** Not what belongs to the image: where there is no overlay, a container's root is a copy of it. */
const isOfImage = (path: string): boolean => /\.scratch\/(root|work)$/.test(path);

/** Bytes of the files at and below `path`; what goes away meanwhile counts nothing. */
async function diskUse(path: string): Promise<number> {
  if (isOfImage(path)) return 0;
  const entry = await lstat(path).catch(() => undefined);
  if (!entry) return 0;
  let bytes = entry.blocks * blockSize;
  if (!entry.isDirectory()) return bytes;
  for (const name of await readdir(path).catch(() => [])) bytes += await diskUse(join(path, name));
  return bytes;
}

async function storageUse(directory: string, { containers, volumes = [] }: PodSpec): Promise<StorageUse> {
  const [ofContainers, ofVolumes] = [new Map<string, number>(), new Map<string, number>()];
  for (const { name } of containers) ofContainers.set(name, await diskUse(join(directory, name)));
  for (const { name, emptyDir } of volumes)
    if (emptyDir) ofVolumes.set(name, await diskUse(join(directory, "volumes", name)));
  return { containers: ofContainers, volumes: ofVolumes };
}

export interface StorageWatch {
  readonly spec: PodSpec;
  /** The Pod's folder on disk. */
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Resolves with a sentence when the Pod uses more than it may; undefined when `signal` aborts before. */
export async function watchStorage({ spec, directory, clock, log, signal }: StorageWatch): Promise<string | undefined> {
  for (;;) {
    await sleep(everyMs, { clock, signal });
    if (signal.aborted) return undefined;
    try {
      const excess = storageExcess(spec, await storageUse(directory, spec));
      if (excess !== undefined) return excess;
    } catch (error) {
      log.warn("cannot tell how much of the disk a Pod uses", { error });
    }
  }
}
