/** The cgroup that programs are attached to: the second version's hierarchy, wherever it is mounted (cgroups(7)). */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "../ffi.ts";

export interface Cgroup {
  readonly path: string;
  /** Every process of the machine is below it. */
  readonly isRoot: boolean;
}

/** A node of a simulated cluster has a cgroup of its own below one whose name begins so. */
const nodeMarker = "fairlead-";

/** Mount point of the hierarchy, e.g. "/sys/fs/cgroup"; undefined where there is none. */
export function cgroupMount(mountTable = readFileSync("/proc/self/mountinfo", "utf8")): string | undefined {
  const line = mountTable.split("\n").find((one) => / - cgroup2 /.test(one));
  return line?.split(" ")[4];
}

/** Path of this process's cgroup below the mount, e.g. "/fairlead-1/node-a". */
export function ownCgroup(table = readFileSync("/proc/self/cgroup", "utf8")): string {
  return /^0::(.*)$/m.exec(table)?.[1] ?? "/";
}

/** The node's own cgroup where this process lives in one, else the root of what is to be seen. */
export function nodeCgroup(): Cgroup | undefined {
  const mount = cgroupMount();
  if (mount === undefined) return undefined;
  const own = ownCgroup();
  const path = own.split("/").some((part) => part.startsWith(nodeMarker)) ? join(mount, own) : mount;
  return cgroupAt(path);
}

/** Only the machine's root has no events. */
export function cgroupAt(path: string): Cgroup {
  return { path, isRoot: !existsSync(join(path, "cgroup.events")) };
}

/**
 * Moves this process, and so all that it starts from now on, into the cgroup of a simulated cluster's node.
 * What a cluster that was killed left is taken away.
 */
export function joinNodeCgroup(cluster: string, node: string): void {
  const mount = cgroupMount();
  if (mount === undefined) throw new RangeError("Cannot make a cgroup for the node: no cgroup2 hierarchy is mounted");
  removeUnusedNodeCgroups(cluster);
  const path = join(mount, `${nodeMarker}${cluster}`, node);
  mkdirSync(path, { recursive: true });
  // "0" is whoever writes it (cgroups(7)).
  writeFileSync(join(path, "cgroup.procs"), "0");
}

/** Takes away the cgroups of nodes that no process is in any more, but for those of `starting`; the kernel does not do it by itself. */
export function removeUnusedNodeCgroups(starting?: string): void {
  const mount = cgroupMount();
  if (mount === undefined) return;
  for (const cluster of readdirSync(mount).filter((name) => name.startsWith(nodeMarker))) {
    if (cluster === `${nodeMarker}${starting}`) continue;
    const nodes = readdirSync(join(mount, cluster), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    for (const path of [...nodes.map(({ name }) => join(mount, cluster, name)), join(mount, cluster)])
      removeUnused(path);
  }
}

function removeUnused(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (!hasCode(error, "EBUSY", "ENOTEMPTY", "ENOENT")) throw error;
  }
}
