/** Reads the machine's facts. */
import { readFileSync, statfsSync } from "node:fs";
import { arch, availableParallelism, release, totalmem } from "node:os";
import manifest from "../../../package.json" with { type: "json" };
import type { Machine } from "./node-object.ts";

/** Go's names, which Kubernetes uses. */
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64", ia32: "386", arm: "arm" };

function read(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

/** os-release(5). */
function osImage(): string {
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(read("/etc/os-release"))?.[1] ?? "Linux";
}

/** `dataDir` is where Pods store their data. */
export function readMachine(dataDir: string): Machine {
  const disk = statfsSync(dataDir);
  return {
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    diskBytes: disk.blocks * disk.bsize,
    architecture: architectures[arch()] ?? arch(),
    kernelVersion: release(),
    osImage: osImage(),
    machineId: read("/etc/machine-id"),
    bootId: read("/proc/sys/kernel/random/boot_id"),
    runtimeVersion: `fairlead://${manifest.version}`,
  };
}

/** False in a user namespace where user 0 is the only one (proc_pid_uid_map: user_namespaces(7)). */
export function hasOtherUsers(): boolean {
  const maps = read("/proc/self/uid_map").split("\n");
  return maps.some((map) => Number(map.trim().split(/\s+/)[2]) > 1);
}
