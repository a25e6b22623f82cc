/** What must be made and mounted, in order, to give a container its file system (pure but for the view of the machine it is handed). */
import { dirname, join } from "node:path";
import type { Mount, Overlay, Root } from "./container-runtime.ts";
import { resolveInRoot } from "./resolve-in-root.ts";

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

export type EntryKind = "directory" | "symlink" | "other";

/** Reads the machine's file system. */
export interface FileView {
  /** Follows links; undefined when there is nothing. */
  kindOf(path: string): "directory" | "other" | undefined;
  /** What a link holds; undefined when the last name of the path is none. */
  readLink(path: string): string | undefined;
  entries(
    directory: string,
  ): readonly { readonly name: string; readonly kind: EntryKind; readonly linkTarget?: string }[];
}

export interface RootPlan {
  readonly steps: readonly SetupStep[];
  /** Undefined: the root is the machine's, with the mounts over it. */
  readonly root: string | undefined;
}

type Unpacked = Extract<Root, { kind: "unpacked" }>;

interface OwnOptions {
  /** Of the container, on disk: holds what it writes. */
  readonly scratch: string;
  /** Made when the image has it not. */
  readonly workingDir: string;
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

const proc = (target: string): SetupStep => ({
  kind: "mount",
  source: pseudoSource,
  target,
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
      proc(join(root, "/proc")),
      bind("/sys", join(root, "/sys")),
      ...inner.map((mount) => mountStep(mount, root)),
      // After the image's own: a target may lie in a directory of the image, or in another mount.
      ...mounts.flatMap((mount) => [...targetSteps([mount], root, view), mountStep(mount, root)]),
    ],
  };
}

export function overlayOptions(
  overlay: Overlay,
  { lower, upper, work }: Readonly<Record<"lower" | "upper" | "work", string>>,
): string {
  return `lowerdir=${lower},upperdir=${upper},workdir=${work}${overlay === "user" ? ",userxattr" : ""}`;
}

/** The container's own, to be written into, made of the image's. */
function ownRoot(
  { directory, overlay }: Unpacked,
  { root, scratch }: { root: string; scratch: string },
): readonly SetupStep[] {
  const [upper, work, copy] = [join(scratch, "upper"), join(scratch, "work"), join(scratch, "root")];
  if (!overlay) {
    return [{ kind: "directories", paths: [copy] }, { kind: "copy", from: directory, to: copy }, bind(copy, root)];
  }
  const options = overlayOptions(overlay, { lower: directory, upper, work });
  return [
    { kind: "directories", paths: [upper, work] },
    { kind: "mount", source: pseudoSource, target: root, type: "overlay", options },
  ];
}

/** For a runtime that mounts the rest itself. */
export function planOwnRoot(
  image: Unpacked,
  { directory: root, scratch, workingDir, view }: OwnOptions & { readonly directory: string; readonly view: FileView },
): readonly SetupStep[] {
  const at = resolveInRoot(image.directory, workingDir, view) ?? workingDir;
  return [...ownRoot(image, { root, scratch }), { kind: "directories", paths: [join(root, at)] }];
}

const deviceLinks: Readonly<Record<string, string>> = {
  fd: "/proc/self/fd",
  stdin: "/proc/self/fd/0",
  stdout: "/proc/self/fd/1",
  stderr: "/proc/self/fd/2",
  ptmx: "pts/ptmx",
};

/** /dev without what an image has there. Source: OCI runtime-spec, config-linux.md, "Default Devices". */
function freshDevices(dev: string, view: FileView): readonly SetupStep[] {
  const there = devices.filter((name) => view.kindOf(`/dev/${name}`) !== undefined);
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

export const devptsOptions = "newinstance,ptmxmode=0666,mode=0620,nosuid,noexec";

function planUnpacked(
  image: Unpacked,
  { mounts, root, view, scratch, workingDir }: { mounts: readonly Mount[]; root: string; view: FileView } & OwnOptions,
): RootPlan {
  // Links of the image must not lead mounts out of it: nothing has been written to the root yet, it is as the image's.
  const within = (path: string): string => resolveInRoot(image.directory, path, view) ?? path;
  const inside = mounts.map((mount): Mount => ({ ...mount, target: within(mount.target) }));
  const at = (path: string): string => join(root, within(path));
  const sys = { source: "/sys", type: "none", options: "rbind,ro,nosuid,nodev,noexec" };
  return {
    root,
    steps: [
      ...ownRoot(image, { root, scratch }),
      { kind: "directories", paths: ["/proc", "/dev", "/sys", workingDir].map(at) },
      proc(at("/proc")),
      { kind: "mount", target: at("/sys"), ...sys },
      ...freshDevices(at("/dev"), view),
      ...inside.flatMap((mount) => [...targetSteps([mount], root, view), mountStep(mount, root)]),
    ],
  };
}

/** The deepest directory on the way to `path` that exists. */
function existingAncestor(path: string, view: FileView): string {
  let ancestor = dirname(path);
  while (ancestor !== "/" && view.kindOf(ancestor) !== "directory") ancestor = dirname(ancestor);
  return ancestor;
}

export const isWithin = (path: string, directory: string): boolean =>
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

function planMachine({
  mounts: asked,
  root,
  view,
}: {
  mounts: readonly Mount[];
  root: string;
  view: FileView;
}): RootPlan {
  // A link on the way (/var/run) would lead out of the new root, and the target would be made on the machine.
  const within = (path: string): string => resolveInRoot("/", path, view) ?? path;
  const mounts = asked.map((mount): Mount => ({ ...mount, target: within(mount.target) }));
  const missing = mounts.filter(({ target }) => view.kindOf(target) === undefined);
  if (missing.length === 0) {
    return { root: undefined, steps: [proc("/proc"), ...mounts.map((mount) => mountStep(mount, "/"))] };
  }
  const through = [...new Set(missing.map(({ target }) => existingAncestor(target, view)))];
  // Only the directories on the way to a missing target are made anew.
  const skeleton = mimic("/", { through, root, view });
  return {
    root,
    steps: [
      tmpfs(root, "mode=0755"),
      ...skeleton,
      proc(join(root, "/proc")),
      ...mounts.flatMap((mount, index) => [
        ...(isThere(mount, mounts.slice(0, index), view) ? [] : targetSteps([mount], root, view)),
        mountStep(mount, root),
      ]),
    ],
  };
}

/** The machine has the target, and none of the mounts before it has hidden it. */
function isThere({ target }: Mount, before: readonly Mount[], view: FileView): boolean {
  return view.kindOf(target) !== undefined && !before.some((mount) => isWithin(target, mount.target));
}

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

function maskSteps(root: string, view: FileView): SetupStep[] {
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

export interface RootOptions extends Partial<OwnOptions> {
  readonly mounts: readonly Mount[];
  /** An empty one that a new root may be mounted on. */
  readonly directory: string;
  readonly view: FileView;
  readonly maskPaths?: boolean;
  readonly readOnlyRoot?: boolean;
}

export function planRoot(image: Root, options: RootOptions): RootPlan {
  const plan = planWhole(image, options);
  const at = plan.root ?? "/";
  return {
    ...plan,
    steps: [
      ...plan.steps,
      ...(options.maskPaths ? maskSteps(at, options.view) : []),
      ...(options.readOnlyRoot ? [{ kind: "read-only" as const, path: at }] : []),
    ],
  };
}

function planWhole(image: Root, options: RootOptions): RootPlan {
  const { mounts, directory: root, view, scratch = `${root}.scratch`, workingDir = "/" } = options;
  switch (image.kind) {
    case "assembled":
      return planAssembled(image, { mounts, root, view });
    case "unpacked":
      return planUnpacked(image, { mounts, root, view, scratch, workingDir });
    case "machine":
      return planMachine({ mounts, root, view });
  }
}
