/** Runs a command inside a running container. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { ExecResult } from "./container-runtime.ts";

/** The kubelet's limit of a probe's output. */
const outputLimitBytes = 10 * 1024;
/** A command that could not be started, as shells say it. */
const cannotStart = 126;

/**
 * Kills the command, not nsenter, which waits for it: a command left behind would become a child of the cluster's first
 * process, and the container could not end before that one had taken notice.
 */
function killCommand(nsenterPid: number | undefined): void {
  const children = readFileSync(`/proc/${nsenterPid}/task/${nsenterPid}/children`, "utf8");
  for (const pid of children.split(" ").filter(Boolean)) process.kill(Number(pid), "SIGKILL");
}

/** Enters the namespaces, root and working directory of the process `pid`. */
export function execInContainer(
  pid: number,
  argv: readonly string[],
  { env, timeoutMs }: { env: Readonly<Record<string, string>>; timeoutMs: number },
): Promise<ExecResult> {
  const enter = [`--target=${pid}`, "--mount", "--uts", "--net", "--pid", "--root", "--wd", "--"];
  const child = spawn("/usr/bin/nsenter", [...enter, ...argv], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  return new Promise((resolve) => {
    let output = Buffer.alloc(0);
    let timedOut = false;
    const collect = (chunk: Buffer) => {
      if (output.length < outputLimitBytes) output = Buffer.concat([output, chunk]).subarray(0, outputLimitBytes);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    const timer = setTimeout(() => {
      timedOut = true;
      try {
        killCommand(child.pid);
      } catch {
        // It has just ended.
      }
    }, timeoutMs);
    const finish = (exitCode: number | undefined) => {
      clearTimeout(timer);
      // A background child may hold the pipes: the answer does not wait for it.
      child.stdout.destroy();
      child.stderr.destroy();
      resolve({ exitCode, output: output.toString() });
    };
    child.on("error", (error) => {
      output = Buffer.from(error.message);
      finish(cannotStart);
    });
    child.on("exit", (code) => {
      // What was written before the exit is in the pipes by now; let it be read.
      setImmediate(() => finish(timedOut ? undefined : (code ?? cannotStart)));
    });
  });
}
