/** Where a Pod's files are. */
import { join } from "node:path";

export interface NodeDirectories {
  /** e.g. "<runDir>/nodes/<node>/pods". */
  readonly memory: string;
  /** e.g. "<dataDir>/nodes/<node>/pods". */
  readonly disk: string;
}

/** The log of one start of a container. */
export function logPath(
  { disk }: Pick<NodeDirectories, "disk">,
  { uid, container, attempt }: { uid: string; container: string; attempt: number },
): string {
  return join(disk, uid, container, `${attempt}.log`);
}

/** The last words of one start of a container: core/v1 Container.terminationMessagePath. */
export function terminationPath(
  { disk }: Pick<NodeDirectories, "disk">,
  { uid, container, attempt }: { uid: string; container: string; attempt: number },
): string {
  return join(disk, uid, container, `${attempt}.termination`);
}

/** What one start of a container writes into its root. */
export function scratchPath(
  { disk }: Pick<NodeDirectories, "disk">,
  { uid, container, attempt }: { uid: string; container: string; attempt: number },
): string {
  return join(disk, uid, container, `${attempt}.scratch`);
}

export function volumeDirectories({ memory, disk }: NodeDirectories, uid: string): NodeDirectories {
  return { memory: join(memory, uid, "volumes"), disk: join(disk, uid, "volumes") };
}

/** Files that are mounted into every container: hosts, hostname, resolv.conf. */
export function namesDirectory({ memory }: Pick<NodeDirectories, "memory">, uid: string): string {
  return join(memory, uid, "names");
}

/** The Pod's /dev/shm. */
export function sharedMemoryDirectory({ memory }: Pick<NodeDirectories, "memory">, uid: string): string {
  return join(memory, uid, "shm");
}
