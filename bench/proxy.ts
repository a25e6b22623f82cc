/**
 * The proxy against a real API server: first load, changes, memory, connections; each data plane at several sizes, and a
 * kube-proxy beside them if there is one. Options: bench/proxy/options.ts.
 *
 * All of it runs in namespaces of its own (network, mounts, processes): when this process or the inner one ends, by whatever
 * signal, the kernel ends the others and takes the networks away.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cgroupMount, removeUnusedNodeCgroups } from "../src/kernel/bpf/cgroup.ts";
import { findMachine } from "../test/vm/machine.ts";
import { parseOptions } from "./proxy/options.ts";

const args = process.argv.slice(2);
// The virtual machine's kernel is fetched here: behind the namespaces there is no network.
if (parseOptions(args).planes.includes("ipvs")) findMachine();
spawnSync(process.execPath, [join(import.meta.dirname, "../scripts/build.js")], { stdio: "inherit" });
const asUser = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
const inner = spawn(
  "unshare",
  [
    ...[...asUser, "--net", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"],
    ...[process.execPath, join(import.meta.dirname, "proxy/main.ts"), String(process.pid), ...args],
  ],
  // The inner process ends when its input does.
  { stdio: ["pipe", "inherit", "inherit"] },
);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => inner.kill("SIGKILL"));
const [code] = (await once(inner, "exit")) as [number | null];
// Only once the kernel has ended the last process there may its control group be removed.
for (
  let attempt = 0;
  attempt < 20 && existsSync(join(cgroupMount() ?? "", `fairlead-bench-${process.pid}`));
  attempt++
) {
  removeUnusedNodeCgroups();
  await sleep(100);
}
process.exit(code ?? 130);
