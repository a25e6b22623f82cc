#!/usr/bin/env node
/**
 * All the set-up of a checkout: packages (with the Node.js that fairlead runs on among them) and the bundle.
 * Plain JavaScript that any Node.js from 18 on can run; does nothing when nothing changed.
 * --dev: with the packages that the tests and checks need.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nodePath, root } from "./node-path.js";

const dev = process.argv.includes("--dev");

/** @param {string} command @param {string[]} args @param {string} what */
function run(command, args, what) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (status === 0) return;
  console.error(`Cannot ${what}: ${error ? error.message : `"${command} ${args[0]}" ended with code ${status}`}.`);
  process.exit(1);
}

const stamp = join(root, "node_modules", ".fairlead-setup");
const wanted = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .digest("hex");
const [installed, mode] = existsSync(stamp) ? readFileSync(stamp, "utf8").split(" ") : [];
if (installed !== wanted || (dev && mode !== "dev")) {
  console.error("Installing packages (the first time only) …");
  const withDev = dev || mode === "dev";
  const quiet = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"];
  run("npm", ["install", ...quiet, ...(withDev ? ["--include=dev"] : ["--omit=dev"])], "install the packages");
  writeFileSync(stamp, `${wanted} ${withDev ? "dev" : "run"}`);
}
run(nodePath(), [join(root, "scripts", "build.js")], "build fairlead");
