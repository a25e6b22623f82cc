/** Runs the benches (all, or those named): `npm run bench -- store start`. Each prints a table. Options are the bench's own: `-- proxy --sizes 10`. */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { basename, join } from "node:path";

const root = join(import.meta.dirname, "..");
const known = globSync("bench/*.ts", { cwd: root })
  .map((file) => basename(file, ".ts"))
  .sort();
const words = process.argv.slice(2);
const firstOption = words.findIndex((word) => word.startsWith("-"));
const [wanted, options] = firstOption < 0 ? [words, []] : [words.slice(0, firstOption), words.slice(firstOption)];
const unknown = wanted.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`No bench "${unknown[0]}": there are ${known.join(", ")}`);
  process.exit(2);
}
for (const name of wanted.length > 0 ? wanted : known) {
  console.log(`\n— bench/${name}`);
  const { status } = spawnSync(process.execPath, [join(root, "bench", `${name}.ts`), ...options], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}
