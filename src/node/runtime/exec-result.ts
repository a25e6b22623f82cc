/** Runs a command to its end, or to the end of its time, and keeps what it said. */
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { ExecProcess, ExecResult } from "./container-runtime.ts";

/** The kubelet's limit of a probe's output. */
const outputLimitBytes = 10 * 1024;
/** A background child may hold the pipes: the answer does not wait for it. */
const outputEndMs = 50;

const ended = (stream: Readable | undefined): Promise<unknown> =>
  stream === undefined || stream.closed ? Promise.resolve() : new Promise((resolve) => stream.once("close", resolve));

export async function execResult(process: ExecProcess, { timeoutMs }: { timeoutMs: number }): Promise<ExecResult> {
  let output = Buffer.alloc(0);
  const collect = (chunk: Buffer) => {
    if (output.length < outputLimitBytes) output = Buffer.concat([output, chunk]).subarray(0, outputLimitBytes);
  };
  process.stdout.on("data", collect);
  process.stderr?.on("data", collect);
  process.stdin.end();
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => {
    process.kill("SIGKILL");
    late.resolve(undefined);
  }, timeoutMs);
  const exitCode = await Promise.race([process.exit, late.promise]);
  clearTimeout(timer);
  const outputEnd = Promise.all([ended(process.stdout), ended(process.stderr)]);
  if (exitCode !== undefined) await Promise.race([outputEnd, delay(outputEndMs, undefined, { ref: false })]);
  process.stdout.destroy();
  process.stderr?.destroy();
  return { exitCode, output: output.toString() };
}
