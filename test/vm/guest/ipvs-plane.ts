/** Runs in the virtual machine: the IPVS data plane on the kernel; schedulers and graceful termination with real connections. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { describe, it } from "node:test";
import { CLONE_NEWNET, unshare } from "../../../src/kernel/ffi.ts";
import { openVipLink } from "../../../src/kernel/ipvs/link.ts";
import { openIpvs } from "../../../src/kernel/ipvs/linux.ts";
import { openNftables } from "../../../src/kernel/nftables/linux.ts";
import { createDummy, ensureAddress, getLink, openRouteSocket, setLink } from "../../../src/kernel/route/mod.ts";
import { clean, planeSuite, type Rig } from "../../../src/proxy/backends/ipvs/conformance.ts";
import { linkName } from "../../../src/proxy/backends/ipvs/layout.ts";
import { type Scheduler, schedulers } from "../../../src/proxy/backends/ipvs/options.ts";
import { createIpvsDataPlane } from "../../../src/proxy/backends/ipvs/plane.ts";
import { computeService } from "../../../src/proxy/compute.ts";
import type { ServicePort } from "../../../src/proxy/state.ts";
import { nodeA, service, settings, slice } from "../../../src/proxy/testing/fixtures.ts";

const servers = ["172.18.0.2", "172.18.0.3"] as const;
const vip = "10.96.0.1";

/** A node without neighbours, in a network namespace of its own. */
function enterNode(): void {
  unshare(CLONE_NEWNET);
  const socket = openRouteSocket();
  setLink(socket, "lo", { up: true });
  createDummy(socket, "eth0", { up: true });
  const { index } = getLink(socket, "eth0");
  for (const address of ["172.18.0.2/16", "172.18.0.3/16", "fd00:18::2/64", "10.244.0.1/24", "fd00:10:244::1/64"]) {
    ensureAddress(socket, index, address);
  }
  socket.close();
}

function open(): Rig {
  enterNode();
  return { ipvs: openIpvs(), link: openVipLink(linkName), nftables: openNftables() };
}

planeSuite("the kernel", open, 100);

const web = (...ips: readonly string[]) =>
  new Map<string, readonly ServicePort[]>([["default/web", computeService(service(), [slice(ips)], nodeA)]]);

/** Answers each line with its address, until the client ends. */
async function listen(address: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => socket.write(`${address}\n`));
  });
  server.listen(8080, address);
  await once(server, "listening");
  return server;
}

async function ask(socket: Socket): Promise<string> {
  socket.write("?\n");
  const [answer] = (await once(socket, "data", { signal: AbortSignal.timeout(5_000) })) as [Buffer];
  return answer.toString().trim();
}

async function dial(): Promise<Socket> {
  const socket = connect({ host: vip, port: 80 });
  await once(socket, "connect", { signal: AbortSignal.timeout(5_000) });
  return socket;
}

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
