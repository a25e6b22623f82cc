/**
 * Runs a program of the tests in namespaces of its own (user, mount, network with loopback only): nothing that it sends
 * leaves, and what it mounts ends with it. `node scripts/isolated.ts test/fuzz/run.ts --requests 200000`.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";

const [program = "", ...args] = process.argv.slice(2);
const root = join(import.meta.dirname, "..");
const words = [process.execPath, join(root, program), ...args];
const namespaces = ["--user", "--map-root-user", "--mount", "--net"];
const child = spawn("unshare", [...namespaces, "sh", "-c", 'ip link set lo up && exec "$@"', "sh", ...words], {
  stdio: "inherit",
  env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
});
child.on("error", (error) => {
  console.error(`Cannot make namespaces: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code) => process.exit(code ?? 1));
