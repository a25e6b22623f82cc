/** What must be made and mounted, in order, to give a container its file system (pure but for the view of the machine it is handed). */
import { join } from "node:path";
import type { Mount, Root } from "./container-runtime.ts";
import { machineDevices } from "./device-steps.ts";
import type { FileView } from "./file-view.ts";
import { planMachine } from "./machine-root.ts";
import { maskSteps } from "./masked-paths.ts";
import { bind, mountStep, proc, type RootPlan, targetSteps, tmpfs } from "./setup-step.ts";
import { type OwnOptions, planUnpacked } from "./unpacked-root.ts";

function planAssembled(
  image: Extract<Root, { kind: "assembled" }>,
  { mounts, root, view }: { mounts: readonly Mount[]; root: string; view: FileView },
): RootPlan {
  const deviceMounts = machineDevices(view).map(
    (name): Mount => ({ source: `/dev/${name}`, target: `/dev/${name}`, readOnly: false }),
  );
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
