/** A new process takes over: P104, P205, P206, P212. */
import assert from "node:assert/strict";
import { hasLegacyTables } from "../../../src/kernel/iptables/legacy-tables.ts";
import { createLog } from "../../../src/lib/log.ts";
import { findLeftovers } from "../../../src/proxy/backends/leftovers.ts";
import type { DataPlane } from "../../../src/proxy/backends/port.ts";
import type { HostName } from "../addresses.ts";
import { nodePort } from "../cases/case.ts";
import { answerMs, outcome, silenceMs } from "../probe.ts";
import { apply, empty, type Rig } from "../rig.ts";
import { a, b, type Scenario } from "./tools.ts";

const silent = createLog(() => {});
const connections = 300;
const asked: readonly (readonly [from: HostName, host: string, port: number])[] = [
  ["pod-a", a.clusterIp, 80],
  ["outside", a.node, nodePort],
  ["outside", a.balancer, 80],
];

export const restartScenarios = (open: () => DataPlane): readonly Scenario[] => [
  {
    name: "P205 P206 a new process adopts the rules: none of 900 connections fails meanwhile, and clients stay (P104)",
    run: (rig) => restarts(rig, open),
  },
  {
    name: "P214 what a closed data plane left is removed by it all the same, and nothing is left",
    run: (rig) => removesClosed(rig, open),
  },
];

async function removesClosed(rig: Rig, open: () => DataPlane): Promise<void> {
  const stage = { services: [b.balanced()], slices: [b.eps("pod-b")], probes: [] };
  const ask = async (): Promise<string> => {
    const target = { do: "ask", protocol: "TCP", host: a.clusterIp, port: 80, times: 1, abreast: 1 } as const;
    const { answers = [] } = await rig.lab.order("pod-a", { ...target, timeoutMs: silenceMs * 3 });
    return outcome(answers[0] ?? {});
  };
  await apply(empty, rig);
  const plane = open();
  try {
    await plane.adopt();
    await apply(stage, { plane });
    assert.equal(await ask(), "pod-b");
    plane.close();
    plane.close();
    await plane.remove();
    // The rig's own data plane holds eBPF programs by their descriptors.
    if (plane.mode !== "ebpf") assert.notEqual(await ask(), "pod-b");
    // Legacy tables stay, empty, once somebody has asked for them.
    const left = hasLegacyTables() ? [] : await findLeftovers("", silent);
    assert.deepEqual(
      left.map(({ mode }) => mode),
      [],
    );
  } finally {
    plane.close();
    // Somebody else's removal is seen as any other's.
    await apply(stage, rig);
  }
  assert.equal(await ask(), "pod-b");
}

async function restarts(rig: Rig, open: () => DataPlane): Promise<void> {
  const stage = {
    services: [b.balanced({ sessionAffinity: "ClientIP" })],
    slices: [b.eps("pod-b", "pod-far")],
    probes: [],
  };
  await apply(empty, rig);
  await apply(stage, rig);
  const asking = Promise.all(
    asked.map(([from, host, port]) =>
      rig.lab.order(from, {
        do: "ask",
        protocol: "TCP",
        host,
        port,
        times: connections,
        abreast: 1,
        timeoutMs: answerMs,
      }),
    ),
  );
  for (let n = 0; n < 5; n++) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    const next = open();
    await next.adopt();
    await apply(stage, { plane: next });
    next.close();
  }
  for (const [n, { answers = [] }] of (await asking).entries()) {
    const [from, host] = asked[n] ?? [];
    assert.deepEqual(
      answers.filter(({ failure }) => failure),
      [],
    );
    const names = new Set(answers.map(({ name }) => name));
    assert.equal(names.size, 1, `${from} → ${host}: the client must stay, but ${[...names].join(" and ")} answered`);
  }
}
