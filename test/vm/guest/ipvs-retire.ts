/** Runs in the virtual machine: P213, a node goes over from ipvs to nftables with no connection lost, and nothing is left in the end. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { it } from "node:test";
import { openIpvs } from "../../../src/kernel/ipvs/linux.ts";
import { findLink, openRouteSocket } from "../../../src/kernel/route/mod.ts";
import { createLog } from "../../../src/lib/log.ts";
import { clean } from "../../../src/proxy/backends/ipvs/conformance.ts";
import { linkName } from "../../../src/proxy/backends/ipvs/layout.ts";
import { createIpvsDataPlane } from "../../../src/proxy/backends/ipvs/plane.ts";
import { findLeftovers } from "../../../src/proxy/backends/leftovers.ts";
import { createNftablesDataPlane } from "../../../src/proxy/backends/nftables/plane.ts";
import { settings } from "../../../src/proxy/testing/fixtures.ts";
import { ask, dial, enterNode, listen, servers, web } from "./ipvs-node.ts";

const log = createLog(() => {});
const all = { services: web(...servers), full: true, settings: settings() };
/** The kernel keeps a connection that was reset for ten seconds. */
const retireMs = 120_000;

interface Asking {
  end(): Promise<{ done: number; failures: string[] }>;
}

/** Opens connections one after the other until it is told to end; says how many, and what failed. */
function keepAsking(): Asking {
  let isDone = false;
  const failures: string[] = [];
  let done = 0;
  const asking = (async () => {
    while (!isDone) {
      try {
        const socket = await dial();
        await ask(socket);
        socket.resetAndDestroy();
        done++;
      } catch (error) {
        failures.push(String(error));
      }
    }
  })();
  return {
    async end() {
      isDone = true;
      await asking;
      return { done, failures };
    },
  };
}

it("P213 ipvs to nftables: connections that are open go on, new ones are nftables', and then all of ipvs goes", async () => {
  enterNode();
  const listeners = await Promise.all(servers.map(listen));
  const old = createIpvsDataPlane();
  const next = createNftablesDataPlane();
  const ipvs = openIpvs();
  const open: Socket[] = [];
  let asking: Asking | undefined;
  const connections = () =>
    ipvs.services().flatMap(({ key }) => (ipvs.servers(key) ?? []).map((server) => server.connections));
  try {
    await old.adopt();
    clean(await old.sync(all));
    open.push(await dial(), await dial());
    const answers = await Promise.all(open.map(ask));
    assert.deepEqual([...answers].sort(), [...servers]);
    asking = keepAsking();
    old.close();
    await next.adopt();
    clean(await next.sync(all));
    const [leftover, ...others] = await findLeftovers("nftables", log);
    assert.equal(leftover?.mode, "ipvs");
    assert.deepEqual(others, []);
    assert.equal(await leftover?.retire(), false, "connections need it");
    const { done, failures } = await asking.end();
    assert.deepEqual(failures, [], `${done} connections`);
    assert.ok(done > 0);

    const held = connections();
    for (let n = 0; n < 4; n++) {
      const socket = await dial();
      await ask(socket);
      open.push(socket);
    }
    const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
    assert.ok(sum(connections()) <= sum(held), "new connections are none of IPVS's");
    assert.deepEqual(await Promise.all(open.slice(0, 2).map(ask)), answers, "the open ones go on");
    assert.equal(await leftover?.retire(), false, "they still need it");

    for (const socket of open.splice(0, 2)) socket.resetAndDestroy();
    const end = Date.now() + retireMs;
    while (!(await leftover?.retire())) {
      assert.ok(Date.now() < end, `not gone after ${retireMs} ms: ${connections()}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    assert.deepEqual(ipvs.services(), []);
    const route = openRouteSocket();
    assert.equal(findLink(route, linkName), undefined);
    route.close();
    assert.deepEqual(await findLeftovers("nftables", log), []);
    await Promise.all(open.map(ask));
    const last = await dial();
    await ask(last);
    open.push(last);
  } finally {
    await asking?.end();
    for (const socket of open) socket.destroy();
    for (const listener of listeners) listener.close();
    ipvs.close();
    await next.remove();
    await old.remove();
    next.close();
  }
});
