/** P61: new connections are spread evenly over N equal endpoints. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { type HostName, manyPorts } from "../addresses.ts";
import { nodePort } from "../cases/case.ts";
import { answerMs } from "../probe.ts";
import { apply, empty, type Rig } from "../rig.ts";
import { a, b, type Scenario } from "./tools.ts";

const connections = 10_000;
const roads: readonly (readonly [from: HostName, host: string, port: number, count: number])[] = [
  ["pod-a", a.clusterIp, 80, 3],
  ["pod-a", a.clusterIp, 80, 7],
  ["pod-a", a.clusterIp, 80, 50],
  ["outside", a.node, nodePort, 7],
];

export const balanceScenarios: readonly Scenario[] = roads.map(([from, host, port, count]) => ({
  name: `P61 10,000 connections of ${from} are spread over ${count} endpoints, one of them listed twice (P20)`,
  run: (rig) => balance(rig, { from, host, port, count }),
}));

interface Road {
  readonly from: HostName;
  readonly host: string;
  readonly port: number;
  readonly count: number;
}

async function balance(rig: Rig, { from, host, port, count }: Road): Promise<void> {
  const ports = manyPorts.slice(0, count);
  // Listed twice, as slices may be while they are repacked (P20): no endpoint gets a double share by it.
  const slices = [...ports, ports[0] ?? 0].map((number, n) =>
    b.sliceOf(["pod-b"], { name: `web-${n}`, ports: [{ port: number }] }),
  );
  await apply(empty, rig);
  await apply({ services: [b.balanced()], slices, probes: [] }, rig);
  // So many connections meet source ports of cases before: a flow that has not ended leads them to that case's endpoint, as it must.
  spawnSync("conntrack", ["--flush"]);
  const { answers = [] } = await rig.lab.order(from, {
    do: "ask",
    protocol: "TCP",
    host,
    port,
    times: connections,
    abreast: 32,
    timeoutMs: answerMs * 5,
  });
  assert.deepEqual(
    answers.filter(({ failure }) => failure),
    [],
  );
  const counts = new Map(ports.map((number) => [number, 0]));
  for (const { port: number = 0, count } of answers) counts.set(number, (counts.get(number) ?? 0) + count);
  assert.equal(counts.size, count, `only its endpoints answer: ${JSON.stringify([...counts])}`);
  const spread = chiSquared([...counts.values()]);
  const limit = chiSquaredLimit(count - 1);
  assert.ok(
    spread < limit,
    `chi-squared is ${spread.toFixed(1)}, above ${limit.toFixed(1)}: ${JSON.stringify([...counts])}`,
  );
}

function chiSquared(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** Exceeded by chance once in a million runs (Wilson and Hilferty's approximation). */
function chiSquaredLimit(freedom: number): number {
  const z = 4.753;
  const part = 2 / (9 * freedom);
  return freedom * (1 - part + z * Math.sqrt(part)) ** 3;
}
