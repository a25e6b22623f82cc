/** The machine's own root with mounts over it; where a target is missing, a copy of the way there (pure). */
import { dirname, join } from "node:path";
import type { Mount } from "./container-runtime.ts";
import type { FileView } from "./file-view.ts";
import { resolveInRoot } from "./resolve-in-root.ts";
import { bind, isWithin, mountStep, proc, type RootPlan, type SetupStep, targetSteps, tmpfs } from "./setup-step.ts";

/** The deepest directory on the way to `path` that exists. */
function existingAncestor(path: string, view: FileView): string {
  let ancestor = dirname(path);
  while (ancestor !== "/" && view.kindOf(ancestor) !== "directory") ancestor = dirname(ancestor);
  return ancestor;
}

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

export function planMachine({
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
