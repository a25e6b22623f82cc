/** The configuration of `fairlead proxy`: its file, and the flags over it. */
import { readFileSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import type { Log } from "../lib/log.ts";
import { withFlags } from "../proxy/config/flags.ts";
import { unusedWarnings, type Values } from "../proxy/config/values.ts";
import { CliError, errorCode, UsageError } from "./errors.ts";

interface Configuration {
  readonly values: Values;
  readonly warnings: readonly string[];
}

/** Throws CliError for the file and UsageError for a flag. */
export async function readProxyConfig(
  path: string | undefined,
  flags: Readonly<Record<string, unknown>>,
): Promise<Configuration> {
  const file: Configuration = path ? await readFile(path) : { values: new Map(), warnings: [] };
  try {
    const values = withFlags(file.values, flags);
    return { values, warnings: [...file.warnings, ...unusedWarnings(values)] };
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

async function readFile(path: string): Promise<Configuration> {
  const { decodeDocument } = await import("../proxy/config/document.ts");
  try {
    const { values, warnings } = decodeDocument(readFileSync(path, "utf8"));
    return { values, warnings: warnings.map((warning) => `configuration "${path}": ${warning}`) };
  } catch (error) {
    if (error instanceof RangeError) throw new CliError(`Cannot use the configuration "${path}". ${error.message}.`);
    const reason = errorCode(error) === "ENOENT" ? "there is no such file" : (error as Error).message;
    throw new CliError(`Cannot read the configuration "${path}": ${reason}.`);
  }
}

/** A file is often written in several steps, and a ConfigMap's by changing links. */
const quietMs = 500;

/**
 * Ends the process with an error when the file says something else, as kube-proxy does: whoever keeps it running starts it
 * with the new configuration. The rules stay meanwhile. A file that cannot be used changes nothing.
 */
export function watchConfigFile(path: string, log: Log, signal: AbortSignal): void {
  const before = contentOf(path);
  let timer: NodeJS.Timeout | undefined;
  const look = async (): Promise<void> => {
    const now = contentOf(path);
    if (now === undefined || now === before || signal.aborted) return;
    try {
      await readFile(path);
    } catch (error) {
      log.error("the configuration has changed and cannot be used: the old one stays", { error });
      return;
    }
    log.error("the configuration has changed: the proxy ends, to be started with the new one", { file: path });
    process.exit(1);
  };
  const watcher = watch(dirname(path), (_event, name) => {
    // A ConfigMap's volume changes the link "..data".
    if (name !== null && name !== basename(path) && !name.startsWith("..")) return;
    clearTimeout(timer);
    timer = setTimeout(() => void look(), quietMs);
  });
  watcher.on("error", (error) => log.warn("cannot watch the configuration", { file: path, error }));
  signal.addEventListener("abort", () => watcher.close(), { once: true });
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
