/** The API server as users run it, `fairlead apiserver`, in a process of its own that may be killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Endpoint } from "./http-connection.ts";

export interface ApiProcess {
  readonly child: ChildProcess;
  /** As the administrator. */
  readonly endpoint: Required<Omit<Endpoint, "token">>;
  /** What it wrote to standard error, the last 100 kB. */
  readonly log: () => string;
  /** Ends it with SIGTERM (default) or another signal; resolves when it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Long, for machines with much else to do. */
const startMs = 120_000;
const root = join(import.meta.dirname, "..", "..");
/** The bundle, which begins quicker, if it is built (`npm test` and `npm run` build it); else the source. */
const bundle = join(root, "dist", "fairlead.js");
const program = existsSync(bundle) ? bundle : join(root, "src", "cli", "main.ts");

function endpointOf(dataDir: string, port: number): Required<Omit<Endpoint, "token">> {
  const config = JSON.parse(readFileSync(join(dataDir, "kubeconfigs", "admin"), "utf8"));
  const text = (base64: string): string => Buffer.from(base64, "base64").toString();
  const { user } = config.users[0];
  return {
    port,
    ca: text(config.clusters[0].cluster["certificate-authority-data"]),
    certificate: text(user["client-certificate-data"]),
    key: text(user["client-key-data"]),
  };
}

/** Resolves when it serves. */
export async function startApiProcess(
  dataDir: string,
  { port = 0, nodeArgs = [], killAfterMs }: { port?: number; nodeArgs?: readonly string[]; killAfterMs?: number } = {},
): Promise<ApiProcess> {
  const words = [...nodeArgs, program, "apiserver", "--data", dataDir, "--port", String(port)];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  child.stderr.on("data", (data: Buffer) => {
    log = (log + data).slice(-100_000);
  });
  const exited = once(child, "close");
  if (killAfterMs !== undefined) setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
    child.kill(signal);
    await exited;
  };
  const listening = await new Promise<number>((resolve, reject) => {
    let output = "";
    const fail = (): void => reject(new Error(`The API server did not start: ${output}${log}`));
    const timer = setTimeout(() => void stop("SIGKILL").then(fail), startMs);
    child.once("close", fail);
    child.stdout.on("data", (data: Buffer) => {
      output += data;
      const found = /Serving on https:\/\/127\.0\.0\.1:(\d+)/.exec(output)?.[1];
      if (!found) return;
      clearTimeout(timer);
      child.off("close", fail);
      resolve(Number(found));
    });
  });
  return { child, endpoint: endpointOf(dataDir, listening), log: () => log, stop };
}
