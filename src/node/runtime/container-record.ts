/** What is kept of a container on disk, so that the next agent finds it. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ContainerSpec, ContainerState } from "./container-runtime.ts";

/**
 * `<directory>/container.json`, beside it shim.sh, setup.sh, the FIFOs stdout, stderr and control (stdin and input), `shim` and `process` (lines of
 * /proc/<pid>/stat), unshare-error and setup-error; `<events>/<id>.started` and `<events>/<id>.exited` say how far it came.
 */
export interface ContainerRecord
  extends Omit<ContainerSpec, "argv" | "seccompProfile" | "root" | "mounts" | "hostname" | "networkNamespace" | "pod"> {
  readonly directory: string;
  /** Its root is at `root` of the directory, in its mount namespace; else it is that of the machine. */
  readonly ownRoot: boolean;
}

/** All that is of use once the scripts are written. */
export function recordOf(spec: ContainerSpec, place: Pick<ContainerRecord, "directory" | "ownRoot">): ContainerRecord {
  const {
    argv: _argv,
    root: _root,
    seccompProfile: _profile,
    mounts: _mounts,
    hostname: _hostname,
    networkNamespace: _network,
    pod: _pod,
    ...kept
  } = spec;
  return { ...kept, ...place };
}

export const startedFile = (events: string, id: string): string => join(events, `${id}.started`);
export const exitedFile = (events: string, id: string): string => join(events, `${id}.exited`);

export function writeRecord(record: ContainerRecord): void {
  mkdirSync(record.directory, { recursive: true, mode: 0o700 });
  writeFileSync(join(record.directory, "container.json"), JSON.stringify(record));
}

function readJson(path: string): ContainerRecord | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as ContainerRecord;
  } catch {
    // Half written: its shim was never started.
    return undefined;
  }
}

export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Directories `<pods>/<uid>/containers/<name>/<attempt>`, whole or not. */
export function listContainerDirectories(pods: string): string[] {
  return list(pods).flatMap((uid) => {
    const containers = join(pods, uid, "containers");
    return list(containers).flatMap((name) =>
      list(join(containers, name)).map((attempt) => join(containers, name, attempt)),
    );
  });
}

export function readRecord(directory: string): ContainerRecord | undefined {
  return readJson(join(directory, "container.json"));
}

const timeOf = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.mtimeMs;

/** How far the container came, by its files; `parsePid` reads a line of /proc/<pid>/stat. */
export function readState(
  record: ContainerRecord,
  { events, parsePid }: { events: string; parsePid: (stat: string) => number | undefined },
): ContainerState {
  const startedAtMs = timeOf(startedFile(events, record.id));
  const exited = exitedFile(events, record.id);
  const code = readText(exited);
  // The shell makes the file before it writes the number.
  if (code?.endsWith("\n")) {
    const finishedAtMs = timeOf(exited) ?? Date.now();
    if (startedAtMs !== undefined) return { kind: "exited", startedAtMs, finishedAtMs, exitCode: Number(code) };
    const messages = ["unshare-error", "setup-error"].map((name) => readText(join(record.directory, name))?.trim());
    const error = messages.filter(Boolean).join("; ") || "its surroundings could not be made";
    return { kind: "exited", finishedAtMs, exitCode: 128, error };
  }
  const pid = parsePid(readText(join(record.directory, "process")) ?? "");
  return startedAtMs !== undefined && pid !== undefined ? { kind: "running", pid, startedAtMs } : { kind: "starting" };
}
