/** The cgroup that programs are attached to: the second version's hierarchy, wherever it is mounted (cgroups(7)). */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Cgroup {
  readonly path: string;
  /** Every process of the machine is below it. */
  readonly isRoot: boolean;
}

/** A node of a simulated cluster has a cgroup of its own below one with this in its name. */
const nodeMarker = "fairlead";

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
