/** What a container leaves as its termination message. Source: core/v1 Container.terminationMessagePath and terminationMessagePolicy. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Container } from "kubernetes-types/core/v1";
import { readLog } from "../logs/log-file.ts";
import { LogRenderer } from "../logs/log-query.ts";
import type { ContainerInfo, Mount, Root } from "../runtime/container-runtime.ts";
import { logPath, type NodeDirectories, terminationPath } from "./pod-paths.ts";

const defaultPath = "/dev/termination-log";
const maxBytes = 4096;
const maxLogBytes = 2048;
const maxLogLines = 80;

/** The file that the container writes; the machine's own root has none at the default place, where nothing may be made. */
export function terminationMount(
  { terminationMessagePath: target = defaultPath }: Container,
  {
    root,
    directories,
    ...start
  }: { root: Root; directories: NodeDirectories; uid: string; container: string; attempt: number },
): Mount[] {
  if (root.kind === "machine" && target === defaultPath) return [];
  const source = terminationPath(directories, start);
  mkdirSync(dirname(source), { recursive: true });
  writeFileSync(source, "", { mode: 0o666 });
  return [{ source, target, readOnly: false }];
}

function fileText(path: string): string {
  try {
    return readFileSync(path).subarray(0, maxBytes).toString();
  } catch {
    return "";
  }
}

function endOfLog(path: string): string {
  const query = { follow: false, previous: false, timestamps: false, tailLines: maxLogLines };
  return new LogRenderer(query).render(readLog(path), { first: true }).subarray(-maxLogBytes).toString();
}

/** Undefined when it left none. */
export function lastWords(
  { name, attempt, podUid, state }: ContainerInfo,
  { directories, policy }: { directories: NodeDirectories; policy: string | undefined },
): string | undefined {
  if (state.kind !== "exited") return undefined;
  const start = { uid: podUid, container: name, attempt };
  const written = fileText(terminationPath(directories, start));
  const wantsLog = written === "" && policy === "FallbackToLogsOnError" && state.exitCode !== 0;
  return (wantsLog ? endOfLog(logPath(directories, start)) : written) || undefined;
}
