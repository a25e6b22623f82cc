/** What a container does not see of the machine, or cannot write, in /proc and /sys (pure). */
import { join } from "node:path";
import type { FileView } from "./file-view.ts";
import { bind, type SetupStep, tmpfs } from "./setup-step.ts";

/** Source: OCI runtime-spec, config-linux.md, "Masked Paths" and "Readonly Paths"; the lists are those that containers have everywhere. */
export const hiddenPaths = [
  "/proc/acpi",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/firmware",
];
export const readablePaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

export function maskSteps(root: string, view: FileView): SetupStep[] {
  const there = (path: string): boolean => view.kindOf(path) !== undefined;
  const hide = (path: string): SetupStep =>
    view.kindOf(path) === "directory"
      ? tmpfs(join(root, path), "ro,mode=0555")
      : bind("/dev/null", join(root, path), false);
  return [
    ...readablePaths.filter(there).map((path) => bind(join(root, path), join(root, path), true)),
    ...hiddenPaths.filter(there).map(hide),
  ];
}
