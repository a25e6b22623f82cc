/** The whole gate in one command: format and lint, types, unused code, unit tests with the architecture test. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const bin = (name: string): string => join(root, "node_modules", ".bin", name);

const steps: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ["format and lint", bin("biome"), "check", "."],
  ["types", bin("tsc")],
  ["unused code", bin("knip")],
  ["unit tests", process.execPath, join(root, "scripts", "test.ts"), "unit"],
];

for (const [name, command, ...args] of steps) {
  console.log(`— ${name}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) {
    console.error(`Not ok: ${name}`);
    process.exit(1);
  }
}
console.log("ok");
