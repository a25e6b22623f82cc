/** A process that is kept running: started in the cluster's namespaces, started again when it ends. */
import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { openSync } from "node:fs";
import type { Log } from "../../lib/log.ts";

export interface SupervisedOptions {
  readonly name: string;
  /** The words that lead into the namespaces, then the command. */
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Its standard output and error go there. */
  readonly logFile: string;
  /** File descriptors handed on from 4 upward (3 is the IPC channel). */
  readonly fds?: readonly number[];
  readonly log: Log;
  onMessage(message: unknown, handle: unknown): void;
  onStart(child: ChildProcess): void;
}

export interface Supervised {
  readonly name: string;
  send(message: object): void;
  stop(): void;
}

/** Restarts wait 0 ms at first, then 100 ms doubling to 10 s for one that ends within 10 s of its start. */
const restartDelayMs = (quickEnds: number): number =>
  quickEnds <= 1 ? 0 : Math.min(10_000, 100 * 2 ** (quickEnds - 2));
const quickMs = 10_000;

export function supervise({
  name,
  argv,
  env,
  logFile,
  fds = [],
  log,
  onMessage,
  onStart,
}: SupervisedOptions): Supervised {
  let child: ChildProcess | undefined;
  let stopped = false;
  let quickEnds = 0;
  const output = openSync(logFile, "a", 0o600);
  const stdio: StdioOptions = ["ignore", output, output, "ipc", ...fds];

  const start = (): void => {
    if (stopped) return;
    const startedAt = Date.now();
    const [command = "", ...args] = argv;
    child = spawn(command, args, { stdio, env, detached: true });
    const own = child;
    onStart(own);
    child.on("message", (message, handle) => onMessage(message, handle));
    child.on("error", (error) => log.error("Cannot start a process", { name, error }));
    child.on("exit", (code, signal) => {
      if (stopped) return;
      quickEnds = Date.now() - startedAt < quickMs ? quickEnds + 1 : 0;
      const delayMs = restartDelayMs(quickEnds);
      log.warn("A process ended and is started again", { name, code, signal, delayMs });
      setTimeout(start, delayMs);
    });
  };
  start();
  return {
    name,
    send: (message) => {
      if (child?.connected) child.send(message, () => {});
    },
    stop: () => {
      stopped = true;
      // It is nsenter, outside of the cluster's namespaces: one that was stopped with its child would never wait for it,
      // and the namespaces never end.
      child?.kill("SIGKILL");
    },
  };
}
