/** What must be made and mounted, in order, to give a container its file system (pure but for the view of the machine it is handed). */
import { dirname, join } from "node:path";
import type { Mount, Root } from "./container-runtime.ts";

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
  | { readonly kind: "copy"; readonly from: string; readonly to: string };

export type EntryKind = "directory" | "symlink" | "other";

/** Reads the machine's file system. */
export interface FileView {
  /** Follows links; undefined when there is nothing. */
  kindOf(path: string): "directory" | "other" | undefined;
  entries(
    directory: string,
  ): readonly { readonly name: string; readonly kind: EntryKind; readonly linkTarget?: string }[];
}

export interface RootPlan {
  readonly steps: readonly SetupStep[];
  /** Undefined: the root is the machine's, with the mounts over it. */
  readonly root: string | undefined;
}

/** A name of our own: `mount -a` leaves out what looks as if it were mounted, such as "proc" at "/proc". */
const pseudoSource = "fairlead";

const devices = ["null", "zero", "full", "random", "urandom", "tty"];

function bind(source: string, target: string, readOnly = false): SetupStep {
  // nosuid and nodev may be locked on the source in a user namespace: then "ro" alone is refused.
  const options = readOnly ? "rbind,ro,nosuid,nodev" : "rbind";
  return { kind: "mount", source, target, type: "none", options };
}

function mountStep(mount: Mount, root: string): SetupStep {
  const target = join(root, mount.target);
  if (mount.source === undefined) {
    return { kind: "mount", source: pseudoSource, target, type: "tmpfs", options: mount.readOnly ? "ro" : "rw" };
  }
  return bind(mount.source, target, mount.readOnly);
}

const proc = (root: string): SetupStep => ({
  kind: "mount",
  source: pseudoSource,
  target: join(root, "/proc"),
  type: "proc",
  options: "nosuid,nodev,noexec",
});

const tmpfs = (target: string, options: string): SetupStep => ({
  kind: "mount",
  source: pseudoSource,
  target,
  type: "tmpfs",
  options,
});

/** Directories or empty files at the targets, parents first. */
function targetSteps(mounts: readonly Mount[], root: string, view: FileView): SetupStep[] {
  const isFile = ({ source }: Mount) => source !== undefined && view.kindOf(source) === "other";
  const directories = mounts.map((mount) => join(root, isFile(mount) ? dirname(mount.target) : mount.target));
  const files = mounts.filter(isFile).map((mount): SetupStep => ({ kind: "file", path: join(root, mount.target) }));
  return [
    ...(directories.length > 0 ? [{ kind: "directories" as const, paths: [...new Set(directories)] }] : []),
    ...files,
  ];
}

function planAssembled(
  image: Extract<Root, { kind: "assembled" }>,
  { mounts, root, view }: { mounts: readonly Mount[]; root: string; view: FileView },
): RootPlan {
  const deviceMounts = devices
    .filter((name) => view.kindOf(`/dev/${name}`) !== undefined)
    .map((name): Mount => ({ source: `/dev/${name}`, target: `/dev/${name}`, readOnly: false }));
  const inner = [...image.directories, ...deviceMounts];
  return {
    root,
    steps: [
      tmpfs(root, "mode=0755"),
      { kind: "copy", from: image.skeleton, to: root },
      ...targetSteps(inner, root, view),
      proc(root),
      bind("/sys", join(root, "/sys")),
      ...inner.map((mount) => mountStep(mount, root)),
      // After the image's own: a target may lie in a directory of the image, or in another mount.
      ...mounts.flatMap((mount) => [...targetSteps([mount], root, view), mountStep(mount, root)]),
    ],
  };
}

/** The deepest directory on the way to `path` that exists. */
function existingAncestor(path: string, view: FileView): string {
  let ancestor = dirname(path);
  while (ancestor !== "/" && view.kindOf(ancestor) !== "directory") ancestor = dirname(ancestor);
  return ancestor;
}

const isWithin = (path: string, directory: string): boolean =>
  directory === "/" || path === directory || path.startsWith(`${directory}/`);

/** A writable copy of `directory` whose entries are the machine's: new names can be made in it without touching the machine. */
function mimic(
  directory: string,
  { through, root, view }: { through: readonly string[]; root: string; view: FileView },
): SetupStep[] {
  const steps: SetupStep[] = [];
  for (const { name, kind, linkTarget } of view.entries(directory)) {
    const path = join(directory, name);
    const target = join(root, path);
    if (kind === "symlink") steps.push({ kind: "symlink", target: linkTarget ?? "", path: target });
    else if (kind === "directory" && through.some((inner) => isWithin(inner, path))) {
      steps.push(
        { kind: "directories", paths: [target] },
        ...mimic(path, { through: through.filter((inner) => isWithin(inner, path)), root, view }),
      );
    } else if (path !== "/proc") {
      steps.push(
        kind === "directory" ? { kind: "directories", paths: [target] } : { kind: "file", path: target },
        bind(path, target),
      );
    } else steps.push({ kind: "directories", paths: [target] });
  }
  return steps;
}

function planMachine({ mounts, root, view }: { mounts: readonly Mount[]; root: string; view: FileView }): RootPlan {
  const missing = mounts.filter(({ target }) => view.kindOf(target) === undefined);
  if (missing.length === 0) {
    return { root: undefined, steps: [proc("/"), ...mounts.map((mount) => mountStep(mount, "/"))] };
  }
  const through = [...new Set(missing.map(({ target }) => existingAncestor(target, view)))];
  // Only the directories on the way to a missing target are made anew.
  const skeleton = mimic("/", { through, root, view });
  return {
    root,
    steps: [
      tmpfs(root, "mode=0755"),
      ...skeleton,
      proc(root),
      ...mounts.flatMap((mount) => [...targetSteps([mount], root, view), mountStep(mount, root)]),
    ],
  };
}

/** `directory` is an empty one that a new root may be mounted on. */
export function planRoot(
  image: Root,
  options: { mounts: readonly Mount[]; directory: string; view: FileView },
): RootPlan {
  const { mounts, directory: root, view } = options;
  return image.kind === "assembled"
    ? planAssembled(image, { mounts, root, view })
    : planMachine({ mounts, root, view });
}
