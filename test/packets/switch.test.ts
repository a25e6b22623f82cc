/** P213: a node goes over from one mode to another with no connection lost, new or old. */
import assert from "node:assert/strict";
import { after, before, describe, it, test } from "node:test";
import { ensureBpffs } from "../../src/kernel/bpf/bpffs.ts";
import { unshare } from "../../src/kernel/ffi.ts";
import { makePrivate } from "../../src/kernel/mount.ts";
import { createLog } from "../../src/lib/log.ts";
import { createEbpfDataPlane, probeEbpf } from "../../src/proxy/backends/ebpf/plane.ts";
import { createIptablesDataPlane } from "../../src/proxy/backends/iptables/plane.ts";
import { findLeftovers } from "../../src/proxy/backends/leftovers.ts";
import { createNftablesDataPlane } from "../../src/proxy/backends/nftables/plane.ts";
import type { DataPlane } from "../../src/proxy/backends/port.ts";
import { nodePort } from "./cases/case.ts";
import { namespacesOfChildren } from "./ebpf-node.ts";
import { createLab, enterNode, type Lab } from "./lab.ts";
import { apply } from "./rig.ts";
import { a, b, opened } from "./scenarios/tools.ts";

/** include/uapi/linux/sched.h */
const CLONE_NEWNS = 0x20000;
const log = createLog(() => {});
const answerMs = 5_000;

const open: Readonly<Record<string, () => DataPlane>> = {
  nftables: () => createNftablesDataPlane(),
  iptables: () => createIptablesDataPlane(),
  ebpf: () => createEbpfDataPlane({ namespaces: () => namespacesOfChildren("10.244.0.") }),
};
const ways = [
  ["nftables", "iptables"],
  ["iptables", "nftables"],
  ["nftables", "ebpf"],
  ["ebpf", "nftables"],
  ["iptables", "ebpf"],
  ["ebpf", "iptables"],
] as const;

const stage = { services: [b.balanced()], slices: [b.eps("pod-b", "pod-far")], probes: [] };
const asked = [
  ["pod-a", a.clusterIp, 80],
  ["outside", a.node, nodePort],
  ["outside", a.balancer, 80],
] as const;

const reason = enterNode();
if (reason) it("switching modes", { skip: reason }, () => {});
else {
  const ebpf = probeEbpf();
  if (ebpf.ok) {
    unshare(CLONE_NEWNS);
    makePrivate("/");
    ensureBpffs("/sys/fs/bpf");
  }
  describe("switching modes", { concurrency: 1 }, () => {
    let lab: Lab;
    before(async () => {
      lab = await createLab();
    });
    after(() => lab.close());
    for (const [from, to] of ways) {
      const skip = ebpf.ok || !`${from} ${to}`.includes("ebpf") ? false : ebpf.reason;
      test(
        `P213 ${from} to ${to}: none of 900 connections fails, those that are open go on, and nothing is left`,
        { skip },
        () => switchModes(lab, { from, to }),
      );
    }
  });
}

async function switchModes(lab: Lab, { from, to }: { from: string; to: string }): Promise<void> {
  const old = open[from]?.() as DataPlane;
  let next: DataPlane | undefined;
  try {
    await old.adopt();
    await apply(stage, { plane: old });
    const rig = { lab, plane: old, limits: {} };
    const held = [];
    for (const [host, address, port] of asked) {
      const connection = await opened(rig, host, `${host} ${address}`, { protocol: "TCP", host: address, port });
      const { name = "nobody" } = await connection.ask(answerMs);
      held.push({ connection, name });
    }
    const asking = Promise.all(
      asked.map(([host, address, port]) =>
        lab.order(host, {
          do: "ask",
          protocol: "TCP",
          host: address,
          port,
          times: 300,
          abreast: 1,
          timeoutMs: answerMs,
        }),
      ),
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    // The former process is killed.
    old.close();
    next = open[to]?.() as DataPlane;
    await next.adopt();
    await apply(stage, { plane: next });
    const leftovers = await findLeftovers(to, log);
    assert.deepEqual(
      leftovers.map(({ mode }) => mode),
      leftBy(from, to),
    );
    const gone = new Map<string, boolean>();
    for (const { mode, retire } of leftovers) gone.set(mode, await retire());
    for (const { answers = [] } of await asking)
      assert.deepEqual(
        answers.filter(({ failure }) => failure),
        [],
      );
    for (const { connection, name } of held) await connection.answers(name, `after the switch from ${from} to ${to}`);
    await apply(stage, { plane: next });
    // Its programs alone translate what came from outside: they wait for the end of those connections.
    if (from === "ebpf") {
      assert.equal(gone.get("ebpf"), false);
      for (const [host, address, port] of asked)
        await opened(rig, host, `${host} ${address}`, { protocol: "TCP", host: address, port });
      await eventually(async () => (await findLeftovers(to, log))[0]?.retire() ?? true);
    }
    assert.deepEqual(await findLeftovers(to, log), []);
  } finally {
    await (next ?? old).remove();
    (next ?? old).close();
  }
}

/** ebpf and nftables share a table. */
function leftBy(from: string, to: string): string[] {
  if (from === "ebpf" && to === "iptables") return ["nftables", "ebpf"];
  return from === "nftables" && to === "ebpf" ? [] : [from];
}

async function eventually(done: () => Promise<boolean>): Promise<void> {
  for (let n = 0; n < 50; n++) {
    if (await done()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail("the old mode's rules are not gone after 5 s");
}
