/** Runs a command inside a running container. */
import { closeSync, constants, existsSync, openSync } from "node:fs";
import { Socket } from "node:net";
import type { ProcessPort, SpawnedProcess, SpawnOptions, TerminalPort } from "../sandbox/port.ts";
import type { ContainerSpec, ExecProcess } from "./container-runtime.ts";
import { enterCommand, type Privileges } from "./enter.ts";
import { terminalStream } from "./terminal-stream.ts";

/** What a terminal that goes away tells its programs is told to all of them; who does not listen is killed after this. */
const hangUpMs = 500;
/** A command that could not be started, as shells say it. */
const cannotStart = 126;
const nsenter = "/usr/bin/nsenter";

export interface ExecTarget extends Privileges, Pick<ContainerSpec, "env"> {
  /** The container's first process. */
  readonly pid: number;
  /** Its root, as its mount namespace has it; absent: all of that. */
  readonly root: string | undefined;
}

export type ExecPort = ProcessPort & TerminalPort;

/** Into the namespaces, where the machine's files are in sight until the root is changed. */
function enterArguments({ pid }: ExecTarget): string[] {
  return [`--target=${pid}`, "--mount", "--uts", "--net", "--ipc"];
}

export type ExecChild = Pick<SpawnedProcess, "exit"> & Partial<SpawnedProcess>;

/** What cannot be started has ended. */
export function spawnForExec(
  [program = "", ...words]: readonly string[],
  { port, ...options }: SpawnOptions & { readonly port: ProcessPort },
): ExecChild {
  try {
    return port.spawn(program, words, options);
  } catch {
    return { exit: Promise.resolve(cannotStart) };
  }
}

/**
 * Kills the command, not its parent (nsenter), which waits for it: a command left behind would become a child of the cluster's first
 * process, and the container could not end before that one had taken notice.
 */
export function killer({ pid, exit }: ExecChild, port: ProcessPort): ExecProcess["kill"] {
  let isOver = false;
  void exit.then(() => {
    isOver = true;
  });
  return (signal) => {
    if (isOver || pid === undefined) return;
    isOver = true;
    const sessions = port.sessionsOf(pid);
    port.signalSessions(sessions, signal, { except: pid });
    if (signal !== "SIGKILL") setTimeout(() => port.signalSessions(sessions, "SIGKILL", { except: pid }), hangUpMs);
  };
}

export interface PipesOptions extends Omit<SpawnOptions, "stdio"> {
  /** Descriptors beside the first three. */
  readonly more?: SpawnOptions["stdio"];
  readonly port: ExecPort;
}

export const reader = (fd: number): Socket => new Socket({ fd, readable: true, writable: false });

/** A program with pipes of its own that leads a session, and forks for the command. */
export function spawnOnPipes(
  words: readonly string[],
  { port, more = [], ...options }: PipesOptions,
): { readonly child: ExecChild; readonly process: ExecProcess } {
  const [input, output, errors] = [port.openPipe(), port.openPipe(), port.openPipe()];
  const stdio = [input.read, output.write, errors.write];
  const child = spawnForExec(words, { ...options, stdio: [...stdio, ...more], port });
  for (const fd of stdio) closeSync(fd);
  const stdin = new Socket({ fd: input.write, readable: false, writable: true });
  // The command may end, or close its stdin, at any time.
  stdin.on("error", () => undefined);
  const [stdout, stderr] = [reader(output.read), reader(errors.read)];
  const { exit } = child;
  return { child, process: { stdin, stdout, stderr, exit, resize: () => undefined, kill: killer(child, port) } };
}

function openOnPipes(target: ExecTarget, argv: readonly string[], port: ExecPort): ExecProcess {
  const words = [
    nsenter,
    ...enterArguments(target),
    "--pid",
    "--",
    ...enterCommand(target, { root: target.root }),
    ...argv,
  ];
  return spawnOnPipes(words, { env: { ...target.env }, port }).process;
}

/** The container's own terminals, if it has some: programs there can find theirs by name. */
function openTerminal(pid: number, port: ExecPort): { fd: number; path: string } {
  const own = `/proc/${pid}/root/dev`;
  return port.openTerminal(existsSync(`${own}/pts/ptmx`) && existsSync(`${own}/ptmx`) ? own : undefined);
}

/** The session is made inside the pid namespace, where the command must lead it, and while the machine's setsid is in sight. */
function openOnTerminal(target: ExecTarget, argv: readonly string[], port: ExecPort): ExecProcess {
  const { fd, path } = openTerminal(target.pid, port);
  const slave = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
  const enter = [...enterArguments(target), "--", ...enterCommand(target, { root: target.root })];
  const session = ["/usr/bin/setsid", "--ctty", nsenter, ...enter, ...argv];
  const env = { TERM: "xterm", ...target.env };
  const words = [nsenter, `--target=${target.pid}`, "--pid", "--", ...session];
  const child = spawnForExec(words, { env, stdio: [slave, slave, slave], port });
  closeSync(slave);
  const { stream, resize } = terminalStream(fd, port);
  const { exit } = child;
  return { stdin: stream, stdout: stream, stderr: undefined, exit, resize, kill: killer(child, port) };
}

/** Enters the namespaces and root of the container's process, as its user. */
export function openExec(
  target: ExecTarget,
  argv: readonly string[],
  options: { tty: boolean; port: ExecPort },
): ExecProcess {
  return options.tty ? openOnTerminal(target, argv, options.port) : openOnPipes(target, argv, options.port);
}
