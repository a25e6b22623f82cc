/** Finds the Node.js that fairlead runs on: the one that started it if new enough, else the one among its packages. */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");
/** An import of a module of Node's loads all that it can do: some milliseconds of each start. */
export const require = createRequire(import.meta.url);
const minimumMajor = 26;

/** @returns {string} the path of its binary */
export function nodePath() {
  if (Number(process.versions.node.split(".")[0]) >= minimumMajor) return process.execPath;
  try {
    const packageJson = require.resolve(`node-linux-${process.arch}/package.json`);
    const path = join(dirname(packageJson), "bin", "node");
    if (require("node:fs").existsSync(path)) return path;
  } catch {
    // Falls through: the sentence below says what to do.
  }
  console.error(
    `fairlead needs Node.js ${minimumMajor} or newer, this is ${process.version}: install it, or install fairlead with its optional packages (node-linux-${process.arch}).`,
  );
  process.exit(1);
}
