/** Runs a command in a container of an OCI runtime; the keeper waits for it, so that what the command leaves behind holds up nobody. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { PassThrough, type Readable } from "node:stream";
import { readText } from "../container-record.ts";
import type { ExecProcess } from "../container-runtime.ts";
import { type ExecPort, exitOf, killer, spawnOnPipes } from "../exec.ts";
import { terminalStream } from "../terminal-stream.ts";

/** Of the keeper: the side of the terminal that shows it. */
const terminalDescriptor = 3;

export interface ExecStart {
  /** The keeper with the runtime's words. */
  readonly command: readonly string[];
  /** Where both work. */
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  readonly port: ExecPort;
}

/** The keeper writes here when the command is its child: from then on it can be found, and killed. */
const beginDescriptor = 4;
const more = ["ignore", "pipe"] as const;

async function begun(child: ChildProcess): Promise<void> {
  const pipe = child.stdio[beginDescriptor] as Readable;
  await new Promise<void>((resolve) => {
    pipe.once("data", () => resolve()).once("close", () => resolve());
    child.once("exit", () => resolve()).once("error", () => resolve());
  });
  pipe.destroy();
}

export async function execOnPipes({ command, directory, env, port }: ExecStart): Promise<ExecProcess> {
  const { child, process } = spawnOnPipes(command, { env, cwd: directory, more, port });
  await begun(child);
  return process;
}

function terminalOf(child: ChildProcess, port: ExecPort): number | undefined {
  const keeper = port.parseProcess(readText(`/proc/${child.pid}/stat`) ?? "");
  return keeper && port.copyDescriptor(keeper, terminalDescriptor);
}

/** It never began: what is to be seen of it is why. */
function failed(words: Buffer, exit: Promise<number>): ExecProcess {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  stdin.resume();
  stdout.end(words);
  return { stdin, stdout, stderr: undefined, exit, resize: () => undefined, kill: () => undefined };
}

export async function execOnTerminal({ command, directory, env, port }: ExecStart): Promise<ExecProcess> {
  const [program = "", ...words] = command;
  const stdio = ["pipe", "ignore", "pipe", ...more] as const;
  const child = spawn(program, words, { cwd: directory, env, stdio: [...stdio], detached: true });
  const [exit, closed] = [exitOf(child), once(child, "close").catch(() => undefined)];
  const complaint: Buffer[] = [];
  child.stderr?.on("data", (chunk: Buffer) => complaint.push(chunk));
  // It waits for its end before it lets go of the terminal.
  child.stdin?.on("error", () => undefined);
  await begun(child);
  const fd = terminalOf(child, port);
  child.stdin?.end();
  if (fd === undefined) {
    await closed;
    return failed(Buffer.concat(complaint), exit);
  }
  const { stream, resize } = terminalStream(fd, port);
  return { stdin: stream, stdout: stream, stderr: undefined, exit, resize, kill: killer(child, port) };
}
