/**
 * The cluster's namespaces and the process that holds them: init of a pid namespace that ends when our end of a
 * pipe closes. So when this process ends, however it ends, the kernel stops every process of the cluster and
 * removes its namespaces, links and mounts: nothing can be left behind.
 *
 *   supervisor ── pipe ──▶ sh (pid 1 of the cluster's pid namespace; user, mount and network namespaces of its own)
 *                            └─ every other process of the cluster, put there by nsenter
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import type { Tier } from "../../kernel/capabilities.ts";
import { childrenOf } from "../../kernel/processes.ts";
import { CliError } from "../errors.ts";

export interface Holder {
  /** As the host numbers it. */
  readonly pid: number;
  /** The words before a command that is to run inside: ["nsenter", …]. */
  enter(): string[];
  /** Resolves when everything inside is gone. */
  close(): Promise<void>;
  /** Resolves when it ended, wanted or not. */
  readonly ended: Promise<void>;
}

/** A bpffs of the cluster's own (for root alone): what is pinned there goes with it. cat ends when the pipe does; `wait` reaps orphans meanwhile, which is the work of an init. */
const script = `
mount -t tmpfs -o mode=0755 fairlead "$1" && mkdir "$1/netns" || exit 1
mount -t bpf -o mode=0700 bpf /sys/fs/bpf 2>/dev/null
echo ready
cat <&3 >/dev/null &
wait $!
`;

/** Arguments of nsenter that lead into the namespaces of `pid`. */
export function enterArguments(pid: number, tier: Tier): string[] {
  const user = tier === "root" ? [] : ["--user", "--preserve-credentials"];
  return ["nsenter", `--target=${pid}`, ...user, "--mount", "--net", "--ipc", "--pid"];
}

function waitForReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = "";
    let complaint = "";
    child.stdout?.on("data", (data: Buffer) => {
      output += data.toString();
      if (output.includes("ready")) resolve();
    });
    child.stderr?.on("data", (data: Buffer) => {
      complaint += data.toString();
    });
    child.on("error", (error) => reject(new CliError(`Cannot run "unshare" (${error.message}): install util-linux.`)));
    child.on("exit", () =>
      reject(new CliError(`Cannot make the cluster's namespaces: ${complaint.trim() || "unshare failed"}.`)),
    );
  });
}

/** Makes the namespaces and a tmpfs on `runDir`; throws CliError. */
export async function createHolder(runDir: string, tier: Tier): Promise<Holder> {
  mkdirSync(runDir, { recursive: true });
  const user = tier === "root" ? [] : ["--user", "--map-root-user"];
  const child = spawn(
    "unshare",
    [...user, "--mount", "--net", "--ipc", "--pid", "--fork", "--mount-proc", "sh", "-c", script, "sh", runDir],
    // Its own process group: Ctrl-C at the terminal is the supervisor's to handle.
    { stdio: ["ignore", "pipe", "pipe", "pipe"], detached: true },
  );
  const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  await waitForReady(child);
  child.stdout?.destroy();
  child.stderr?.destroy();
  const pid = child.pid === undefined ? undefined : childrenOf(child.pid)[0];
  if (pid === undefined) throw new CliError("Cannot make the cluster's namespaces: their first process ended at once.");
  return {
    pid,
    ended,
    enter: () => enterArguments(pid, tier),
    async close() {
      child.stdio[3]?.destroy();
      await ended;
    },
  };
}
