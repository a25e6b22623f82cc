/** The ways in which a cluster is hurt: containers, agents, whole nodes, and links of nodes. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Machine } from "./machine.ts";
import { pick, type Random } from "./random.ts";

/** Longer than the grace of the cluster under test, so that the node is marked and its Pods move. */
const cutMs = 7_000;

interface Way {
  readonly weight: number;
  readonly name: string;
  readonly run: (machine: Machine, random: Random, node: string) => Promise<void> | void;
}

const agentOf = (machine: Machine, node: string) => machine.processes(new RegExp(` --node-name ${node}( |$)`));

const ways: readonly Way[] = [
  { weight: 12, name: "container", run: (machine, random) => pick(random, machine.containers())?.kill() },
  {
    weight: 5,
    name: "agent",
    run: (machine, _, node) => {
      for (const { kill } of agentOf(machine, node)) kill();
    },
  },
  {
    weight: 2,
    name: "node (all of its processes)",
    run: (machine, _, node) => {
      for (const { kill } of [...agentOf(machine, node), ...machine.containers(node)]) kill();
    },
  },
  {
    weight: 1,
    name: "link of a node",
    run: async (machine, _, node) => {
      machine.setLink(node, "down");
      await sleep(cutMs);
      machine.setLink(node, "up");
    },
  },
];
const all = ways.flatMap((way) => Array.from({ length: way.weight }, () => way));

/** Kills something and says what. */
export async function killSomething(machine: Machine, random: Random, nodes: readonly string[]): Promise<string> {
  const way = pick(random, all);
  const node = pick(random, nodes) ?? "";
  await way?.run(machine, random, node);
  return `${way?.name} (${node})`;
}
