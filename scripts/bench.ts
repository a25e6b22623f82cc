/** Runs the benches (all, or those named): `npm run bench -- store start`. Each prints a table. */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { basename, join } from "node:path";

const root = join(import.meta.dirname, "..");
const known = globSync("bench/*.ts", { cwd: root })
  .map((file) => basename(file, ".ts"))
  .sort();
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`No bench "${unknown[0]}": there are ${known.join(", ")}`);
  process.exit(2);
}
for (const name of wanted.length > 0 ? wanted : known) {
  console.log(`\n— bench/${name}`);
  const { status } = spawnSync(process.execPath, [join(root, "bench", `${name}.ts`)], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
