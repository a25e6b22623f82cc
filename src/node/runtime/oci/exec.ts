/** Runs a command in a container of an OCI runtime; the keeper waits for it, so that what the command leaves behind holds up nobody. */
import { closeSync } from "node:fs";
import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { SpawnOptions } from "../../sandbox/port.ts";
import { readText } from "../container-record.ts";
import type { ExecProcess } from "../container-runtime.ts";
import { type ExecChild, type ExecPort, killer, reader, spawnForExec, spawnOnPipes } from "../exec.ts";
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

/** The keeper writes to its descriptor 4 when the command is its child: from then on it can be found, and killed. */
async function begun<T extends { readonly child: ExecChild }>(
  port: ExecPort,
  start: (more: SpawnOptions["stdio"]) => T,
): Promise<T> {
  const pipe = port.openPipe();
  const started = start(["ignore", pipe.write]);
  closeSync(pipe.write);
  const heard = reader(pipe.read);
  await new Promise<void>((resolve) => {
    heard.once("data", () => resolve()).once("close", () => resolve());
    void started.child.exit.then(() => resolve());
  });
  heard.destroy();
  return started;
}

export async function execOnPipes({ command, directory, env, port }: ExecStart): Promise<ExecProcess> {
  const { process } = await begun(port, (more) => spawnOnPipes(command, { env, cwd: directory, more, port }));
  return process;
}

function terminalOf({ pid }: ExecChild, port: ExecPort): number | undefined {
  const keeper = port.parseProcess(readText(`/proc/${pid}/stat`) ?? "");
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
  // The keeper waits for the end of its stdin before it lets go of the terminal.
  const [input, errors] = [port.openPipe(), port.openPipe()];
  const complaint = buffer(reader(errors.read)).catch(() => Buffer.alloc(0));
  const { child } = await begun(port, (more) => ({
    child: spawnForExec(command, { cwd: directory, env, stdio: [input.read, "ignore", errors.write, ...more], port }),
  }));
  const fd = terminalOf(child, port);
  for (const end of [input.read, input.write, errors.write]) closeSync(end);
  const { exit } = child;
  if (fd === undefined) return failed(await complaint, exit);
  const { stream, resize } = terminalStream(fd, port);
  return { stdin: stream, stdout: stream, stderr: undefined, exit, resize, kill: killer(child, port) };
}
