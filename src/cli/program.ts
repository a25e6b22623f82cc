/** The program as installed: how to start it again, and what lies beside it. */
import { existsSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { dirname, join } from "node:path";

const entry = process.argv[1] ?? "";

/** The words that start this program, e.g. ["/usr/bin/node", "/opt/fairlead/dist/fairlead.js"]. */
export const programWords = [process.execPath, ...process.execArgv, entry];

/** The package's folder: the bundle is in dist/, its source in src/cli/. */
const packageDir = entry.endsWith(".ts") ? join(dirname(entry), "..", "..") : join(dirname(entry), "..");

/** Compiled code of former starts: every process of fairlead begins some 10 ms sooner with it. */
export const compileCacheDir = join(packageDir, "dist", "compile-cache");

/** Keeps what this process compiled, once it is at work: at its end it may have no time for it. */
export function keepCompiledCode(): void {
  setTimeout(flushCompileCache, 2000).unref();
}

export const examplesDir = join(packageDir, "examples");

const bundledEcho = join(packageDir, "dist", "echo.js");
/** The built-in server image. */
export const echoWords = [
  process.execPath,
  existsSync(bundledEcho) ? bundledEcho : join(packageDir, "src", "node", "images", "echo", "server.ts"),
];
