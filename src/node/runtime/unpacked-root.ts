/** A root of an unpacked image: the container's own, over the image's (pure). */
import { join } from "node:path";
import type { Mount, Overlay, Root } from "./container-runtime.ts";
import { freshDevices } from "./device-steps.ts";
import type { FileView } from "./file-view.ts";
import { resolveInRoot } from "./resolve-in-root.ts";
import { bind, mountStep, proc, pseudoSource, type RootPlan, type SetupStep, targetSteps } from "./setup-step.ts";

type Unpacked = Extract<Root, { kind: "unpacked" }>;

export interface OwnOptions {
  /** Of the container, on disk: holds what it writes. */
  readonly scratch: string;
  /** Made when the image has it not. */
  readonly workingDir: string;
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

export function planUnpacked(
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
