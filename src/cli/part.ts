/** What the commands that run one part alone share: connection, log, an end by signal. */
import type { ApiClient } from "../client/client.ts";
import { loadKubeconfig } from "../client/kubeconfig.ts";
import { createClient } from "../client/rest.ts";
import { createLog, type Level, type Log } from "../lib/log.ts";
import { UsageError } from "./errors.ts";

/** Options of every part. */
export const partOptions = {
  kubeconfig: {
    type: "string",
    value: "FILE",
    help: "the API server to work against (default: KUBECONFIG, ~/.kube/config, else the Pod's service account)",
  },
  v: { type: "string", short: "v", value: "LEVEL", help: "log verbosity: 4 and more for debug (default 0)" },
  "log-format": { type: "string", value: "text|json", help: "default text" },
} as const;

interface PartValues {
  readonly kubeconfig: string | undefined;
  readonly v: string | undefined;
  readonly "log-format": string | undefined;
}

const debugVerbosity = 4;

export function logOf(values: PartValues): Log {
  const format = values["log-format"] ?? "text";
  if (format !== "text" && format !== "json")
    throw new UsageError(`--log-format must be text or json, not "${format}"`);
  const level: Level = Number(values.v ?? 0) >= debugVerbosity ? "debug" : "info";
  return createLog(undefined, { level, format });
}

/** Ends the part at SIGINT or SIGTERM. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort());
  return stop.signal;
}

export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

export async function connect(
  values: PartValues,
  userAgent: string,
  log: Log,
  signal: AbortSignal,
): Promise<ApiClient> {
  return createClient(await loadKubeconfig(values.kubeconfig), { userAgent, log, signal });
}
