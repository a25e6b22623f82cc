/** The devices of a container (pure). */
import { join } from "node:path";
import type { FileView } from "./file-view.ts";
import { bind, pseudoSource, type SetupStep, tmpfs } from "./setup-step.ts";

const names = ["null", "zero", "full", "random", "urandom", "tty"];

/** Those that the machine has. */
export const machineDevices = (view: FileView): readonly string[] =>
  names.filter((name) => view.kindOf(`/dev/${name}`) !== undefined);

export const devptsOptions = "newinstance,ptmxmode=0666,mode=0620,nosuid,noexec";

const deviceLinks: Readonly<Record<string, string>> = {
  fd: "/proc/self/fd",
  stdin: "/proc/self/fd/0",
  stdout: "/proc/self/fd/1",
  stderr: "/proc/self/fd/2",
  ptmx: "pts/ptmx",
};

/** /dev without what an image has there. Source: OCI runtime-spec, config-linux.md, "Default Devices". */
export function freshDevices(dev: string, view: FileView): readonly SetupStep[] {
  const there = machineDevices(view);
  return [
    tmpfs(dev, "mode=0755,nosuid"),
    { kind: "directories", paths: [join(dev, "pts"), join(dev, "shm")] },
    ...there.map((name): SetupStep => ({ kind: "file", path: join(dev, name) })),
    ...Object.entries(deviceLinks).map(
      ([name, target]): SetupStep => ({ kind: "symlink", target, path: join(dev, name) }),
    ),
    { kind: "mount", source: pseudoSource, target: join(dev, "pts"), type: "devpts", options: devptsOptions },
    tmpfs(join(dev, "shm"), "mode=1777,nosuid,nodev,size=64m"),
    ...there.map((name) => bind(`/dev/${name}`, join(dev, name))),
  ];
}
