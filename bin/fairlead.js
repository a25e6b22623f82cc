#!/usr/bin/env -S node --min-semi-space-size=4 --max-semi-space-size=4
/**
 * Starts fairlead's bundle on the Node.js that it needs; plain JavaScript that an older Node.js can run.
 * A small young generation spares 15 MiB of memory at no cost in speed; of that size from the start, it is not collected
 * while the program is loaded.
 */
import * as module from "node:module";
import { join } from "node:path";
import { nodePath, require, root } from "./node-path.js";

const entry = join(root, "dist", "fairlead.js");
if (!require("node:fs").existsSync(entry)) {
  console.error(`fairlead is not built yet: run "npm start", or "node bin/setup.js", in ${root}.`);
  process.exit(1);
}
const path = nodePath();
if (path === process.execPath) {
  process.argv[1] = entry;
  module.enableCompileCache?.(join(root, "dist", "compile-cache"));
  await import(entry);
} else {
  const { constants } = require("node:os");
  const args = ["--min-semi-space-size=4", "--max-semi-space-size=4", entry, ...process.argv.slice(2)];
  const child = require("node:child_process").spawn(path, args, { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (signal ? constants.signals[signal] : 0)));
}
