/** Kills at random with churn; afterwards the machine must be what the API says, and after that empty. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startCluster, type TestCluster } from "../cluster/harness.ts";
import { differences } from "./differences.ts";
import { killSomething } from "./kills.ts";
import { Machine } from "./machine.ts";
import { seeded } from "./random.ts";
import { churn, objects } from "./workloads.ts";

const nodes = ["node-1", "node-2", "node-3"];
const args = [
  ...["--nodes", "3", "--node-monitor-grace-period", "4s"],
  ...["--default-not-ready-toleration-seconds", "2", "--default-unreachable-toleration-seconds", "2"],
];
/** A container that was killed five times waits 160 s, one that was killed more often 300 s. */
const settleMs = 400_000;
const startMs = 60_000;
const pauseMs = 700;

export interface ChaosOptions {
  readonly kills: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

export interface ChaosResult {
  /** What was killed how often. */
  readonly kills: ReadonlyMap<string, number>;
  readonly settledMs: number;
  /** What was still there when all had been deleted, and after `fairlead down`; empty: nothing. */
  readonly left: readonly string[];
}

async function settle(
  { cluster, machine, say }: { cluster: TestCluster; machine: Machine; say: ChaosOptions["say"] },
  limitMs: number,
): Promise<number> {
  const begun = Date.now();
  let before = "";
  for (;;) {
    let found: string[];
    try {
      found = differences(cluster, machine);
    } catch (error) {
      found = [String(error)];
    }
    if (found.length === 0) return Date.now() - begun;
    if (Date.now() - begun > limitMs)
      throw new Error(`After ${limitMs / 1000} s the machine is not what the API says:\n${found.join("\n")}`);
    const text = `${found.length} differences, e.g. ${found[0]}`;
    if (text !== before) say(text);
    before = text;
    await sleep(1000);
  }
}

const system = ["-n", "kube-system"];

async function removeAll(cluster: TestCluster, machine: Machine): Promise<string[]> {
  cluster.kubectl("delete", "deployments,statefulsets,daemonsets,services", "--all");
  cluster.kubectl("delete", "pods", "--all", "--wait=false");
  let left: string[] = [];
  for (let tries = 0; tries < 60; tries++, await sleep(500)) {
    const pods = cluster.ok("get", "pods", "--no-headers").split("\n").filter(Boolean);
    const uids = cluster.ok("get", "pods", ...system, "-o", "jsonpath={.items[*].metadata.uid}").split(" ");
    const foreign = (list: readonly string[]) => list.filter((uid) => !uids.includes(uid));
    const { mounts, cgroups } = machine.leftovers();
    left = [
      ...pods,
      ...foreign(machine.containers().map(({ uid }) => uid)),
      ...foreign(machine.sandboxes()),
      ...foreign(nodes.flatMap((node) => machine.folders(node))),
      ...foreign([...mounts, ...cgroups]),
    ];
    if (left.length === 0) break;
  }
  return left;
}

/** Processes and mounts that name the cluster's folder. */
function remains(dir: string): string[] {
  const { stdout } = spawnSync("pgrep", ["-af", join(dir, "data")], { encoding: "utf8" });
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return [...stdout.split("\n"), ...mounts].filter((line) => line.includes(dir) && !line.includes("pgrep"));
}

/** Throws with what differs when the cluster does not settle. */
export async function runChaos({ kills, seed, say }: ChaosOptions): Promise<ChaosResult> {
  const random = seeded(seed);
  const cluster = startCluster({ args });
  const machine = new Machine(join(cluster.dir, "data"));
  const counts = new Map<string, number>();
  try {
    cluster.apply(JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
    await settle({ cluster, machine, say }, startMs);
    for (let step = 1; step <= kills; step++) {
      const change = random() < 0.4 ? churn(cluster, random, step) : "";
      const what = await killSomething(machine, random, nodes);
      const kind = what.replace(/ \(node-\d\)$/, "");
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      say(`${step}: killed ${what}${change && `; ${change}`}`);
      await sleep(pauseMs * random());
    }
    const settledMs = await settle({ cluster, machine, say }, settleMs);
    const left = await removeAll(cluster, machine);
    cluster.fairlead("down");
    return { kills: counts, settledMs, left: [...left, ...remains(cluster.dir)] };
  } finally {
    cluster.stop();
  }
}
