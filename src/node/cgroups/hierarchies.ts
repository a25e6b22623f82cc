/** Where on this machine cgroups can be made (pure). Source: proc_pid_mountinfo(5), cgroups(7). */
import { join } from "node:path";
import { type CgroupVersion, type Controller, controllers } from "./settings.ts";

export interface Hierarchies {
  readonly version: CgroupVersion;
  /** The cgroup below which ours are made, for each controller: the same for all in version 2. */
  readonly roots: Readonly<Record<Controller, string>>;
}

interface CgroupMount {
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}

function cgroupMounts(mountinfo: string): CgroupMount[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [type = "", , options = ""] = after.split(" ");
    const point = before.split(" ")[4] ?? "";
    return type.startsWith("cgroup") ? [{ point, type, options: options.split(",") }] : [];
  });
}

/** The process's own cgroup of a version 1 controller, by /proc/self/cgroup. */
function ownCgroup(selfCgroup: string, controller: string): string {
  const line = selfCgroup.split("\n").find((one) => (one.split(":")[1] ?? "").split(",").includes(controller));
  return (line?.split(":").slice(2).join(":") ?? "").replace(/\/$/, "");
}

/** Without a cgroup namespace the path is the machine's, which a container may not see. */
function placeOf(point: string, own: string, read: (path: string) => string | undefined): string {
  const path = join(point, own);
  return read(join(path, "cgroup.procs")) === undefined ? point : path;
}

/** Where the machine shows its hierarchies. */
export const mountPoints = (mountinfo: string): readonly string[] => cgroupMounts(mountinfo).map(({ point }) => point);

/** The process's own cgroups in all hierarchies of version 1. */
export function allOwnCgroups(
  { mountinfo, selfCgroup }: { mountinfo: string; selfCgroup: string },
  read: (path: string) => string | undefined,
): string[] {
  const names = selfCgroup.split("\n").flatMap((line) => (line.split(":")[1] ?? "").split(",").filter(Boolean));
  return cgroupMounts(mountinfo).flatMap(({ point, type, options }) => {
    const name = type === "cgroup" ? names.find((one) => options.includes(one)) : undefined;
    return name === undefined ? [] : [placeOf(point, ownCgroup(selfCgroup, name), read)];
  });
}

/** Undefined when the controllers are not all there. */
export function findHierarchies(
  { mountinfo, selfCgroup }: { mountinfo: string; selfCgroup: string },
  read: (path: string) => string | undefined,
): Hierarchies | undefined {
  const mounts = cgroupMounts(mountinfo);
  const unified = mounts.find(({ type }) => type === "cgroup2")?.point;
  const available = (unified && read(join(unified, "cgroup.controllers")))?.trim().split(" ") ?? [];
  if (unified !== undefined && controllers.every((controller) => available.includes(controller))) {
    return { version: 2, roots: { memory: unified, cpu: unified, pids: unified } };
  }
  const rootOf = (controller: Controller): string | undefined => {
    const point = mounts.find(({ type, options }) => type === "cgroup" && options.includes(controller))?.point;
    if (point === undefined) return undefined;
    return placeOf(point, ownCgroup(selfCgroup, controller), read);
  };
  const [memory, cpu, pids] = controllers.map(rootOf);
  return memory && cpu && pids ? { version: 1, roots: { memory, cpu, pids } } : undefined;
}
