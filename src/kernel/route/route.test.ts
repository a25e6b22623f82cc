/**
 * In a network namespace of its own:
 *
 *   br0 (10.1.0.1/24, fd00:1::1/64) ── veth0 ═══ eth0 (10.1.0.2/24, fd00:1::2/64)   in namespace "pod"
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import { close, open } from "../ffi.ts";
import { isolate } from "../isolate.ts";
import { createNetns, deleteNetns, listNetns, within, withRouteSocket } from "../netns.ts";
import { readSysctl, writeSysctl } from "../sysctl.ts";
import * as route from "./mod.ts";

const options = isolate();

describe("rtnetlink", options, () => {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-route-"));
  const pod = join(folder, "pod");
  after(() => {
    deleteNetns(pod);
    rmSync(folder, { recursive: true, force: true });
  });

  test("a bridge and a veth pair into another namespace carry packets", async () => {
    createNetns(pod);
    assert.deepEqual(listNetns(folder), ["pod"]);
    const socket = route.openRouteSocket();
    route.setLink(socket, "lo", { up: true });
    const bridge = route.ensureBridge(socket, "br0", { up: true, mac: "02:00:00:00:00:01" });
    assert.deepEqual(
      { kind: bridge.kind, up: bridge.up, mac: bridge.mac },
      { kind: "bridge", up: true, mac: "02:00:00:00:00:01" },
    );
    assert.equal(route.ensureBridge(socket, "br0").index, bridge.index);
    assert.equal(route.ensureAddress(socket, bridge.index, "10.1.0.1/24"), true);
    assert.equal(route.ensureAddress(socket, bridge.index, "10.1.0.1/24"), false);
    route.ensureAddress(socket, bridge.index, "192.0.2.1/32");
    assert.equal(route.deleteAddress(socket, bridge.index, "192.0.2.1/32"), true);
    assert.equal(route.deleteAddress(socket, bridge.index, "192.0.2.1/32"), false);
    route.ensureAddress(socket, bridge.index, "fd00:1::1/64");

    const netnsFd = open(pod);
    route.createVeth(
      socket,
      { name: "veth0", masterIndex: bridge.index, up: true, mtu: 1400 },
      { name: "eth0", netnsFd, mtu: 1400, mac: "02:00:00:00:00:02" },
    );
    close(netnsFd);
    route.setHairpin(socket, "veth0", true);
    assert.equal(route.getLink(socket, "veth0").hairpin, true);

    withRouteSocket(pod, (inner) => {
      const eth = route.getLink(inner, "eth0");
      assert.deepEqual(
        { mtu: eth.mtu, mac: eth.mac, kind: eth.kind },
        { mtu: 1400, mac: "02:00:00:00:00:02", kind: "veth" },
      );
      route.setLink(inner, eth.index, { up: true });
      route.ensureAddress(inner, eth.index, "10.1.0.2/24");
      route.ensureAddress(inner, eth.index, "fd00:1::2/64");
      route.replaceRoute(inner, { destination: "0.0.0.0/0", gateway: "10.1.0.1" });
      route.replaceRoute(inner, { destination: "::/0", gateway: "fd00:1::1", linkIndex: eth.index });
      assert.deepEqual(
        route
          .listAddresses(inner)
          .filter(({ cidr }) => !cidr.startsWith("fe80"))
          .map(({ cidr }) => cidr)
          .sort(),
        ["10.1.0.2/24", "127.0.0.1/8", "::1/128", "fd00:1::2/64"],
      );
    });
    assert.equal(route.getLink(socket, "veth0").masterIndex, bridge.index);

    for (const host of ["10.1.0.1", "fd00:1::1"]) {
      const server = createServer((connection) => connection.end("hello")).listen(0, host);
      await new Promise((resolve) => server.once("listening", resolve));
      const { port } = server.address() as { port: number };
      const script = `require("net").connect(${port}, "${host}").pipe(process.stdout)`;
      const { promise, resolve } = Promise.withResolvers<string>();
      // spawn() forks from this thread, so the client starts in the Pod's namespace.
      const child = within(pod, () =>
        spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] }),
      );
      let text = "";
      child.stdout.on("data", (chunk) => {
        text += chunk;
      });
      child.on("exit", () => resolve(text));
      assert.equal(await promise, "hello");
      server.close();
    }
    socket.close();
  });

  test("routes are replaced, listed and deleted", () => {
    const socket = route.openRouteSocket();
    const { index } = route.getLink(socket, "br0");
    const find = () => route.listRoutes(socket).find(({ destination }) => destination === "10.244.1.0/24");
    route.replaceRoute(socket, { destination: "10.244.1.0/24", gateway: "10.1.0.2" });
    assert.deepEqual(find(), {
      destination: "10.244.1.0/24",
      table: 254,
      type: "unicast",
      byKernel: false,
      gateway: "10.1.0.2",
      linkIndex: index,
    });
    route.replaceRoute(socket, { destination: "10.244.1.0/24", gateway: "10.1.0.3" });
    assert.equal(find()?.gateway, "10.1.0.3");
    assert.equal(route.deleteRoute(socket, { destination: "10.244.1.0/24" }), true);
    assert.equal(route.deleteRoute(socket, { destination: "10.244.1.0/24" }), false);
    assert.equal(find(), undefined);
    route.replaceRoute(socket, { destination: "10.96.0.0/16", type: "unreachable", table: 1000 });
    assert.equal(route.listRoutes(socket).find(({ table }) => table === 1000)?.type, "unreachable");
    socket.close();
  });

  test("connections to an address of a link get another link's as their source, on request", async () => {
    const socket = route.openRouteSocket();
    const link = route.ensureBridge(socket, "vips", { up: true });
    const vips = ["10.96.0.1", "fd00:96::1"];
    for (const vip of vips) route.ensureAddress(socket, link.index, `${vip}/${vip.includes(":") ? 128 : 32}`);
    route.settleAddresses(socket, vips);
    const sources = () => Promise.all(vips.map(sourceToward));
    assert.deepEqual(await sources(), vips);
    for (let n = 0; n < 2; n++) {
      route.leaveLocalSource(socket, link.index);
      assert.deepEqual(await sources(), ["10.1.0.1", "fd00:1::1"]);
    }
    route.deleteLink(socket, "vips");
    socket.close();
  });

  test("neighbours are set, listed and deleted", () => {
    const socket = route.openRouteSocket();
    const { index: linkIndex } = route.getLink(socket, "br0");
    for (const address of ["10.1.0.9", "fd00:1::9"]) {
      route.replaceNeighbour(socket, { linkIndex, address, mac: "02:00:00:00:00:09" });
      const found = route.listNeighbours(socket).find((neighbour) => neighbour.address === address);
      assert.deepEqual(found, { linkIndex, address, mac: "02:00:00:00:00:09", permanent: true });
      assert.equal(route.deleteNeighbour(socket, { linkIndex, address }), true);
    }
    socket.close();
  });

  test("links are renamed, moved, listed and deleted", () => {
    const socket = route.openRouteSocket();
    route.createVeth(socket, { name: "dum0" }, { name: "dum9" });
    route.setLink(socket, "dum0", { rename: "dum1", mac: "02:00:00:00:00:0a" });
    assert.equal(route.findLink(socket, "dum0"), undefined);
    assert.equal(route.findLink(socket, "dum1")?.mac, "02:00:00:00:00:0a");
    const netnsFd = open(pod);
    route.setLink(socket, "dum1", { netnsFd });
    close(netnsFd);
    assert.equal(route.findLink(socket, "dum1"), undefined);
    assert.ok(withRouteSocket(pod, (inner) => route.findLink(inner, "dum1")));
    assert.equal(route.deleteLink(socket, "veth0"), true);
    assert.equal(route.deleteLink(socket, "veth0"), false);
    assert.equal(
      withRouteSocket(pod, (inner) => route.findLink(inner, "eth0")),
      undefined,
    );
    assert.deepEqual(
      route
        .listLinks(socket)
        .map(({ name }) => name)
        .filter((name) => /^(lo|br0)$/.test(name)),
      ["lo", "br0"],
    );
    socket.close();
  });

  test("faults are one sentence with the kernel's code", () => {
    const socket = route.openRouteSocket();
    assert.throws(() => route.createBridge(socket, "br0"), {
      code: "EEXIST",
      message: 'Cannot make bridge "br0": File exists (EEXIST)',
    });
    assert.throws(() => route.getLink(socket, "gone"), {
      code: "ENODEV",
      message: 'Cannot use link "gone": No such device (ENODEV)',
    });
    assert.throws(() => route.replaceRoute(socket, { destination: "10.9.0.0/24", gateway: "192.0.2.1" }), {
      code: "ENETUNREACH",
      message: 'Cannot set route to "10.9.0.0/24": Nexthop has invalid gateway (ENETUNREACH)',
    });
    assert.throws(() => route.ensureAddress(socket, 1, "10.9.0.1/33"), RangeError);
    assert.throws(() => route.createBridge(socket, "a name that is much too long"), RangeError);
    socket.close();
  });

  test("settings below /proc/sys/net are of the namespace that the thread is in", () => {
    writeSysctl("net.ipv4.ip_forward", 1);
    within(pod, () => writeSysctl("net.ipv4.ip_forward", 0));
    assert.equal(readSysctl("net.ipv4.ip_forward"), "1");
    assert.equal(
      within(pod, () => readSysctl("net.ipv4.ip_forward")),
      "0",
    );
    assert.equal(readSysctl("net.ipv4.no_such_thing"), undefined);
    assert.equal(readSysctl("net/ipv4/conf/br0/forwarding"), "1");
  });

  test("within() comes back after an error and refuses asynchronous functions", () => {
    assert.throws(() => within(pod, () => assert.fail("inside")), /inside/);
    assert.throws(() => within(pod, async () => undefined), TypeError);
    assert.throws(() => within(join(folder, "gone"), () => undefined), { code: "ENOENT" });
    const socket = route.openRouteSocket();
    assert.ok(route.findLink(socket, "br0"), "this thread is in its own namespace");
    socket.close();
  });
});

async function sourceToward(address: string): Promise<string> {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  try {
    await promisify(socket.connect.bind(socket) as (port: number, host: string, done: () => void) => void)(53, address);
    return socket.address().address;
  } finally {
    socket.close();
  }
}
