/**
 * The networks of the bench.
 *
 *   [node]  10.1.K.2 ─── 10.1.K.1 [this process's]  API server 10.1.0.1; Pods 10.128.0.0/9, all one server
 *
 * A Service's address that nobody forwards is here too, and refused: so a proxy that is not ready is seen at once.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createNetns, deleteNetns, within } from "../../src/kernel/netns.ts";
import { targetPort } from "./objects.ts";

export const apiAddress = "10.1.0.1";
/** Not below /run, which a virtual machine has of its own. */
export const traffic = "/tmp/traffic";
/** Client and server of a measurement share it, so that neither waits for another processor to wake up. */
export const pinned = ["taskset", "-c", "0"] as const;

export interface BenchNode {
  readonly name: string;
  readonly address: string;
  /** Starts a process there. */
  spawn(command: readonly string[], stderr: "ignore" | "inherit" | number): ChildProcess;
  /** Runs a program there to its end, and returns what it printed. */
  run(command: readonly string[]): string;
  /** Takes the network away, with all rules in it. */
  remove(): void;
}

export const buildTraffic = (): unknown =>
  execFileSync("cc", ["-O2", "-o", traffic, join(import.meta.dirname, "traffic.c")]);

const ip = (line: string): unknown => execFileSync("ip", line.split(" "), { stdio: ["ignore", "ignore", "inherit"] });

/** Makes all Pods of this network namespace; returns the server's process. */
export async function startPods(): Promise<number> {
  ip("link set lo up");
  ip(`addr add ${apiAddress}/32 dev lo`);
  for (const block of ["10.128.0.0/9", "10.96.0.0/16"]) ip(`route add local ${block} dev lo`);
  const server = spawn(pinned[0], [...pinned.slice(1), traffic, "serve", String(targetPort)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(server.stdout, "data");
  return server.pid ?? 0;
}

let made = 0;

/** A node of its own for each measurement: nothing of an earlier one is left in it. */
export function createNode(): BenchNode {
  const k = ++made;
  const name = `bench-${k}`;
  const path = `/run/netns/${name}`;
  const address = `10.1.${k}.2`;
  createNetns(path);
  const inside = (line: string) => within(path, () => ip(line));
  ip(`link add ${name} type veth peer name eth0 netns ${path}`);
  ip(`addr add 10.1.${k}.1/24 dev ${name}`);
  ip(`link set ${name} up`);
  inside(`addr add ${address}/24 dev eth0`);
  inside("link set eth0 up");
  inside(`route add default via 10.1.${k}.1`);
  return {
    name,
    address,
    spawn: ([program = "", ...args], stderr) =>
      within(path, () => spawn(program, args, { stdio: ["pipe", "pipe", stderr] })),
    run: ([program = "", ...args]) =>
      within(path, () =>
        execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], timeout: 20_000 }),
      ),
    remove: () => void deleteNetns(path),
  };
}
