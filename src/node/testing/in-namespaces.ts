/** For tests that make namespaces and mounts: runs a test file again where nothing it does reaches the machine. */
import { spawnSync } from "node:child_process";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { criHandler } from "../runtime/cri/names.ts";
import { findOciProgram, ociRuntimes } from "../runtime/oci/programs.ts";
import { noContainerd } from "./find-containerd.ts";

const marker = "FAIRLEAD_TEST_INSIDE";
const namespaces = ["--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"];
/** The first process of a pid namespace must wait for the orphans that it inherits: a shell does. */
const reaper = ["sh", "-c", '"$@"; exit $?', "sh"];
const limitMs = 240_000;

function unshareArguments(): readonly string[] {
  return process.getuid?.() === 0 ? namespaces : ["--user", "--map-root-user", ...namespaces];
}

function reasonToSkip(): string | false {
  const probe = spawnSync("unshare", [...unshareArguments(), "true"], { encoding: "utf8", timeout: limitMs });
  if (probe.status === 0) return false;
  return `namespaces cannot be made here: ${(probe.stderr || probe.error?.message || "").trim()}`;
}

const runtimeVariable = "FAIRLEAD_TEST_RUNTIME";
/** What images are run by in this process's tests; undefined: the default. */
export const testRuntime: string | undefined = process.env[runtimeVariable];

/** For tests that are to hold whatever runs images. */
export const everyRuntime: readonly Variant[] = [
  {},
  ...ociRuntimes.map((name) => ({
    runtime: name,
    skip: findOciProgram(name) ? (false as const) : `Debian's ${name} is not installed`,
  })),
  { runtime: criHandler, skip: noContainerd() },
];

export interface Variant {
  readonly runtime?: string;
  readonly skip?: string | false;
}

/**
 * True in the process that may go on and define its tests; else one test is defined that runs the file in new mount,
 * network and pid namespaces (as root, or as root of a new user namespace) and fails as it fails; one for each variant.
 */
export function inNamespaces(moduleUrl: string, variants: readonly Variant[] = [{}]): boolean {
  if (process.env[marker]) return true;
  const noNamespaces = reasonToSkip();
  for (const variant of variants) runInside(fileURLToPath(moduleUrl), variant, noNamespaces);
  return false;
}

function runInside(file: string, { runtime, skip = false }: Variant, noNamespaces: string | false): void {
  const name = `in namespaces: ${file.split("/").slice(-2).join("/")}${runtime ? ` with ${runtime}` : ""}`;
  test(name, { skip: noNamespaces || skip }, () => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const run = spawnSync("unshare", [...unshareArguments(), ...reaper, process.execPath, file], {
      encoding: "utf8",
      env: { ...env, [marker]: "1", ...(runtime && { [runtimeVariable]: runtime }) },
      timeout: limitMs,
      killSignal: "SIGKILL",
    });
    if (run.status !== 0)
      throw new Error(`${run.error?.message ?? `exit code ${run.status}`}\n${run.stdout}\n${run.stderr}`);
  });
}
