/** Runs in the virtual machine: the IPVS data plane on the kernel; schedulers and graceful termination with real connections. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { describe, it } from "node:test";
import { openVipLink } from "../../../src/kernel/ipvs/link.ts";
import { openIpvs } from "../../../src/kernel/ipvs/linux.ts";
import { openNftables } from "../../../src/kernel/nftables/linux.ts";
import { clean, planeSuite, type Rig } from "../../../src/proxy/backends/ipvs/conformance.ts";
import { linkName } from "../../../src/proxy/backends/ipvs/layout.ts";
import { type Scheduler, schedulers } from "../../../src/proxy/backends/ipvs/options.ts";
import { createIpvsDataPlane } from "../../../src/proxy/backends/ipvs/plane.ts";
import { settings } from "../../../src/proxy/testing/fixtures.ts";
import { ask, dial, enterNode, listen, servers, web } from "./ipvs-node.ts";

function open(): Rig {
  enterNode();
  return { ipvs: openIpvs(), link: openVipLink(linkName), nftables: openNftables() };
}

planeSuite("the kernel", open, 100);

/** Who answered how often. All connections stay open to the end: some schedulers look at how many a server has. */
async function askNewly(times: number): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const sockets: Socket[] = [];
  for (let n = 0; n < times; n++) {
    const socket = await dial();
    const answer = await ask(socket);
    sockets.push(socket);
    counts.set(answer, (counts.get(answer) ?? 0) + 1);
  }
  for (const socket of sockets) socket.destroy();
  return counts;
}

async function withPlane(
  scheduler: Scheduler,
  body: (apply: (...ips: readonly string[]) => Promise<void>) => Promise<void>,
): Promise<void> {
  enterNode();
  const listeners = await Promise.all(servers.map(listen));
  const plane = createIpvsDataPlane({ scheduler });
  await plane.adopt();
  const apply = async (...ips: readonly string[]) =>
    void clean(await plane.sync({ services: web(...ips), full: true, settings: settings() }));
  try {
    await body(apply);
  } finally {
    for (const listener of listeners) listener.close();
    await plane.remove();
    plane.close();
  }
}

describe("connections through ipvs", { concurrency: 1 }, () => {
  for (const scheduler of schedulers) {
    it(`P61 scheduler ${scheduler}`, () =>
      withPlane(scheduler, async (apply) => {
        await apply(...servers);
        const counts = await askNewly(20);
        const isHashing = ["dh", "sh", "mh"].includes(scheduler);
        // One client and one VIP: those that hash choose one server for ever.
        assert.equal(counts.size, isHashing ? 1 : 2, JSON.stringify([...counts]));
        if (scheduler === "rr" || scheduler === "wrr") assert.deepEqual([...counts.values()], [10, 10]);
        // A server that leaves leaves no client without an answer.
        const [left = ""] = counts.keys();
        await apply(...servers.filter((address) => address !== left));
        assert.equal((await askNewly(6)).has(left), false);
      }));
  }
  it("P232 a connection outlives the removal of its endpoint; new ones go to the others", () =>
    withPlane("rr", async (apply) => {
      await apply(...servers);
      const sockets = [await dial(), await dial()];
      const answers = await Promise.all(sockets.map(ask));
      assert.deepEqual([...answers].sort(), [...servers]);
      await apply("172.18.0.3");
      assert.deepEqual(await Promise.all(sockets.map(ask)), answers);
      assert.deepEqual(await askNewly(4), new Map([["172.18.0.3", 4]]));
      await apply();
      assert.deepEqual(await Promise.all(sockets.map(ask)), answers);
      await assert.rejects(dial(), /ECONNREFUSED/);
      for (const socket of sockets) socket.destroy();
    }));
});
