/** A command of a probe or a hook: no streams, an end in time. */
import type { ExecResult } from "../container-runtime.ts";
import { GrpcError, grpcCodes } from "./channel.ts";
import { type CriClient, patienceSec } from "./client.ts";

/** containerd ends commands whose time is up itself. */
const lateSec = 10;
/** The kubelet's limit of a probe's output. */
const outputLimitBytes = 10 * 1024;

export async function execSync(
  client: CriClient,
  { containerId, argv, timeoutMs }: { containerId: string; argv: readonly string[]; timeoutMs: number },
): Promise<ExecResult> {
  // In whole seconds; 0 has no end.
  const timeout = timeoutMs > patienceSec * 1000 ? 0 : Math.max(1, Math.ceil(timeoutMs / 1000));
  const answerMs = ((timeout || patienceSec) + lateSec) * 1000;
  try {
    const request = { containerId, cmd: argv, timeout };
    const { stdout, stderr, exitCode } = await client.call("execSync", request, answerMs);
    return { exitCode, output: Buffer.concat([stdout, stderr]).subarray(0, outputLimitBytes).toString() };
  } catch (error) {
    if (!(error instanceof GrpcError)) throw error;
    const late = error.code === grpcCodes.deadlineExceeded || /deadline exceeded/.test(error.message);
    return late ? { exitCode: undefined, output: "" } : { exitCode: 126, output: error.message };
  }
}
