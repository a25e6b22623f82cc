/** For tests: runs the test file in network, mount and UTS namespaces of its own, as root or as root of a user namespace. */
import { spawnSync } from "node:child_process";
import { makePrivate } from "./mount.ts";

const marker = "FAIRLEAD_TEST_ISOLATED";

/**
 * Call it first in a test file,: outside it starts the file once more in new namespaces and ends with its exit code;
 * inside it returns `{ skip: false }`. Where the system allows no namespaces it returns the reason to skip.
 */
export function isolate(): { readonly skip: string | false } {
  if (process.env[marker] === "1") {
    makePrivate("/");
    return { skip: false };
  }
  const user = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  const flags = [...user, "--net", "--mount", "--uts"];
  const probe = spawnSync("unshare", [...flags, "true"], { encoding: "utf8", timeout: 10_000 });
  if (probe.status !== 0) return { skip: `no namespaces here: ${probe.stderr?.trim() || probe.error?.message}` };
  const { status } = spawnSync("unshare", [...flags, process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    stdio: "inherit",
    env: { ...process.env, [marker]: "1" },
    timeout: 120_000,
  });
  process.exit(status ?? 1);
}
