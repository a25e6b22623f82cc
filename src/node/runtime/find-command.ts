/** Looks for a container's program before it is started, so that a wrong name is reported as such (pure but for the view). */
import { join } from "node:path";
import type { ContainerSpec } from "./container-runtime.ts";
import type { FileView } from "./file-view.ts";
import { resolveInRoot } from "./resolve-in-root.ts";

/** Where on the machine the container's `path` is; links inside the container are followed in unpacked images only. */
function onMachine(
  given: string,
  { root, mounts }: Pick<ContainerSpec, "root" | "mounts">,
  view: FileView,
): string | undefined {
  const path = root.kind === "unpacked" ? (resolveInRoot(root.directory, given, view) ?? given) : given;
  const directories = root.kind === "assembled" ? root.directories : [];
  const covering = [...directories, ...mounts]
    .filter(({ target }) => path === target || path.startsWith(`${target}/`))
    .sort((a, b) => b.target.length - a.target.length)[0];
  if (covering) return covering.source && join(covering.source, path.slice(covering.target.length));
  if (root.kind === "machine") return path;
  return join(root.kind === "unpacked" ? root.directory : root.skeleton, path);
}

/** The sentence for a program that is not there; undefined when it is. */
export function missingCommand(spec: ContainerSpec, view: FileView): string | undefined {
  const [program = ""] = spec.argv;
  const there = (path: string) => {
    const place = onMachine(path, spec, view);
    return place !== undefined && view.kindOf(place) === "other";
  };
  if (program.includes("/")) {
    return there(join(spec.workingDir, program.startsWith("/") ? "/" : ".", program)) || there(program)
      ? undefined
      : `exec: "${program}": stat ${program}: no such file or directory`;
  }
  const directories = (spec.env.PATH ?? "").split(":").filter(Boolean);
  if (directories.some((directory) => there(join(directory, program)))) return undefined;
  return `exec: "${program}": executable file not found in $PATH`;
}
