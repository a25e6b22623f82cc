/** The program as installed: how to start it again, and what lies beside it. */
import { existsSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { dirname, join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const settleMs = 3500;
const entry = process.argv[1] ?? "";

/** V8's young generation would grow to three times 16 MB in a burst, and stay there; a smaller one at first is collected during the start. */
const memoryFlags = ["--min-semi-space-size=2", "--max-semi-space-size=2"];

/** The words that start this program, e.g. ["/usr/bin/node", "/opt/fairlead/dist/fairlead.js"]. */
export const programWords = [process.execPath, ...new Set([...memoryFlags, ...process.execArgv]), entry];

/** The package's folder: the bundle is in dist/, its source in src/cli/. */
const packageDir = entry.endsWith(".ts") ? join(dirname(entry), "..", "..") : join(dirname(entry), "..");

/** Compiled code of former starts: every process of fairlead begins some 10 ms sooner with it. */
export const compileCacheDir = join(packageDir, "dist", "compile-cache");

/**
 * Once this process is at work: keeps what it compiled (at its end it may have no time for it), and gives the memory
 * of its start back, which V8 would hold until it needs it again.
 */
export function settle(): void {
  const timer = setTimeout(() => {
    flushCompileCache();
    setFlagsFromString("--expose-gc");
    (runInNewContext("gc") as (options: object) => void)({ type: "major", execution: "sync", flavor: "last-resort" });
  }, settleMs);
  timer.unref();
}

export const examplesDir = join(packageDir, "examples");

const bundledEcho = join(packageDir, "dist", "echo.js");
/** The built-in server image. */
export const echoWords = [
  process.execPath,
  existsSync(bundledEcho) ? bundledEcho : join(packageDir, "src", "node", "images", "echo", "server.ts"),
];
