import assert from "node:assert/strict";
import { it } from "node:test";
import { CLONE_NEWNET, hasCode, unshare } from "../../../kernel/ffi.ts";
import { ensureAddress, ensureBridge, getLink, openRouteSocket } from "../../../kernel/route/mod.ts";
import { parseCidr } from "../../../net/cidr.ts";
import type { Settings } from "../port.ts";
import { NodeNetwork } from "./node-network.ts";

const links = { eth0: "172.18.0.2/16", cni0: "10.244.0.1/24", cali1: "169.254.1.1/32" } as const;

/** A network namespace of this thread's own with these links; false where that is not allowed. */
function enter(): boolean {
  try {
    unshare(CLONE_NEWNET);
  } catch (error) {
    if (hasCode(error, "EPERM")) return false;
    throw error;
  }
  const socket = openRouteSocket();
  for (const [name, address] of Object.entries(links)) {
    ensureBridge(socket, name, { up: true });
    ensureAddress(socket, getLink(socket, name).index, address);
  }
  socket.close();
  return true;
}

const isRoot = enter();

it("P123 packets of links that are told to be the Pods' are none from outside", {
  skip: !isRoot && "needs root",
}, () => {
  const network = new NodeNetwork();
  const socket = openRouteSocket();
  const outside = (settings: Pick<Settings, "podCidrs" | "podLink">): string[] => {
    const devices = network.outsideDevices(settings as Settings);
    return Object.keys(links).filter((name) => devices.includes(getLink(socket, name).index));
  };
  const podCidrs = ["10.244.0.0/16"].map(parseCidr).filter((cidr) => cidr !== undefined);
  assert.deepEqual(outside({ podCidrs: [] }), ["eth0", "cni0", "cali1"]);
  assert.deepEqual(outside({ podCidrs }), ["eth0", "cali1"]);
  assert.deepEqual(outside({ podCidrs: [], podLink: { name: "cni0", isPrefix: false } }), ["eth0", "cali1"]);
  assert.deepEqual(outside({ podCidrs: [], podLink: { name: "cali", isPrefix: true } }), ["eth0", "cni0"]);
  assert.deepEqual(outside({ podCidrs: [], podLink: { name: "cni", isPrefix: false } }), ["eth0", "cni0", "cali1"]);
  socket.close();
  network.close();
});
