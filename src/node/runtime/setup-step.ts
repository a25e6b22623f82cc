/** The steps that give a container its file system, and the words for them (pure). */
import { dirname, join } from "node:path";
import type { Mount } from "./container-runtime.ts";
import type { FileView } from "./file-view.ts";

export type SetupStep =
  | {
      readonly kind: "mount";
      readonly source: string;
      readonly target: string;
      readonly type: string;
      readonly options: string;
    }
  | { readonly kind: "directories"; readonly paths: readonly string[] }
  /** Made empty when absent: the place where a file is mounted. */
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "symlink"; readonly target: string; readonly path: string }
  | { readonly kind: "copy"; readonly from: string; readonly to: string }
  /** What is mounted at the path, and it alone, can only be read from now on. */
  | { readonly kind: "read-only"; readonly path: string };

export interface RootPlan {
  readonly steps: readonly SetupStep[];
  /** Undefined: the root is the machine's, with the mounts over it. */
  readonly root: string | undefined;
}

/** A name of our own: `mount -a` leaves out what looks as if it were mounted, such as "proc" at "/proc". */
export const pseudoSource = "fairlead";

export function bind(source: string, target: string, readOnly = false): SetupStep {
  // nosuid and nodev may be locked on the source in a user namespace: then "ro" alone is refused.
  const options = readOnly ? "rbind,ro,nosuid,nodev" : "rbind";
  return { kind: "mount", source, target, type: "none", options };
}

export function mountStep(mount: Mount, root: string): SetupStep {
  const target = join(root, mount.target);
  if (mount.source === undefined) {
    return { kind: "mount", source: pseudoSource, target, type: "tmpfs", options: mount.readOnly ? "ro" : "rw" };
  }
  return bind(mount.source, target, mount.readOnly);
}

export const proc = (target: string): SetupStep => ({
  kind: "mount",
  source: pseudoSource,
  target,
  type: "proc",
  options: "nosuid,nodev,noexec",
});

export const tmpfs = (target: string, options: string): SetupStep => ({
  kind: "mount",
  source: pseudoSource,
  target,
  type: "tmpfs",
  options,
});

/** Directories or empty files at the targets, parents first. */
export function targetSteps(mounts: readonly Mount[], root: string, view: FileView): SetupStep[] {
  const isFile = ({ source }: Mount) => source !== undefined && view.kindOf(source) === "other";
  const directories = mounts.map((mount) => join(root, isFile(mount) ? dirname(mount.target) : mount.target));
  const files = mounts.filter(isFile).map((mount): SetupStep => ({ kind: "file", path: join(root, mount.target) }));
  return [
    ...(directories.length > 0 ? [{ kind: "directories" as const, paths: [...new Set(directories)] }] : []),
    ...files,
  ];
}

export const isWithin = (path: string, directory: string): boolean =>
  directory === "/" || path === directory || path.startsWith(`${directory}/`);
