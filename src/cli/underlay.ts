/**
 * The network under the embedded cluster, in namespaces of its own: a bridge that the nodes hang on.
 *
 *   underlay namespace            node namespace
 *   fairlead0 172.18.0.1/16 ──┬── eth0 172.18.0.2/16, default route via 172.18.0.1
 *   API server, clients       └── …
 *
 * Each family of the cluster has its own network there.
 */
import { isIPv6 } from "node:net";
import { CLONE_NEWNET, close, hasCode, open, setns } from "../kernel/ffi.ts";
import { ensureNetns, within, withRouteSocket } from "../kernel/netns.ts";
import {
  createVeth,
  ensureAddress,
  ensureBridge,
  findLink,
  getLink,
  openRouteSocket,
  replaceRoute,
  setLink,
} from "../kernel/route/mod.ts";
import { readSysctl, writeSysctl } from "../kernel/sysctl.ts";
import { macOf } from "../net/mac.ts";
import type { ClusterConfig, NodeConfig, UnderlayNetwork } from "./cluster.ts";

export const netnsPath = (config: ClusterConfig, node: string): string => `${config.runDir}/netns/${node}`;

/** The control plane and every agent call it as they start, at the same time: who comes second finds it done. */
export function ensureUnderlay({ underlay, serviceCidrs }: ClusterConfig): void {
  const socket = openRouteSocket();
  try {
    setLink(socket, "lo", { up: true });
    writeSysctl("net.ipv4.ip_forward", 1);
    if (underlay.networks.some(isIpv6Network)) prepareIpv6();
    // Before a node's service proxy has its rules, packets to Services come here: taken as our own they are refused at
    // once (no such port), and their senders try again instead of waiting for an answer.
    const { index: linkIndex } = getLink(socket, "lo");
    for (const destination of serviceCidrs) replaceRoute(socket, { destination, type: "local", linkIndex });
    answerEveryRefusal();
    // Its own: of its links' addresses it would take the lowest, and the nodes would not know when that changes.
    const mac = macOf(underlay.networks[0]?.address ?? "");
    const bridge = ensureBridgeOnce(() => ensureBridge(socket, underlay.bridge, { up: true, mac }));
    for (const { address, prefix } of underlay.networks) ensureAddress(socket, bridge.index, `${address}/${prefix}`);
  } finally {
    socket.close();
  }
}

const isIpv6Network = ({ address }: UnderlayNetwork): boolean => isIPv6(address);

/** Of this network namespace; nobody in it asks whether another one has the same address, so links are usable at once. */
function prepareIpv6(): void {
  for (const scope of ["all", "default"]) {
    writeSysctl(`net.ipv6.conf.${scope}.disable_ipv6`, 0);
    writeSysctl(`net.ipv6.conf.${scope}.accept_dad`, 0);
    writeSysctl(`net.ipv6.conf.${scope}.accept_ra`, 0);
  }
  writeSysctl("net.ipv6.conf.all.forwarding", 1);
}

function ensureBridgeOnce<T>(ensure: () => T): T {
  try {
    return ensure();
  } catch (error) {
    if (hasCode(error, "EEXIST")) return ensure();
    throw error;
  }
}

/** Makes the node's namespace and its link unless they are there, and moves this thread in for good. */
export function enterNode(config: ClusterConfig, node: NodeConfig): void {
  ensureUnderlay(config);
  const path = netnsPath(config, node.name);
  ensureNetns(path);
  if (!withRouteSocket(path, (socket) => findLink(socket, "eth0"))) connectNode(config, node, path);
  const fd = open(path);
  setns(fd, CLONE_NEWNET);
  close(fd);
  answerEveryRefusal();
}

/** By default one peer gets one ICMP error a second, and all together 1,000: a client that tries again soon would wait for its time-out. */
function answerEveryRefusal(): void {
  writeSysctl("net.ipv4.icmp_ratelimit", 0);
  if (readSysctl("net.ipv6.icmp.ratelimit") !== undefined) writeSysctl("net.ipv6.icmp.ratelimit", 0);
  // Of a network namespace since Linux 6.11; before, the machine's and not ours to change.
  for (const name of ["net.ipv4.icmp_msgs_per_sec", "net.ipv4.icmp_msgs_burst"]) {
    if (readSysctl(name) !== undefined) writeSysctl(name, 100_000);
  }
}

function connectNode({ underlay }: ClusterConfig, node: NodeConfig, path: string): void {
  const netns = open(path);
  const socket = openRouteSocket();
  try {
    const bridge = getLink(socket, underlay.bridge);
    // Answers to Pods, and the API server's own way to them.
    for (const [index, destination] of node.podCidrs.entries()) {
      replaceRoute(socket, { destination, gateway: node.addresses[index] ?? "" });
    }
    createVeth(socket, { name: node.name, masterIndex: bridge.index, up: true }, { name: "eth0", netnsFd: netns });
  } finally {
    socket.close();
    close(netns);
  }
  within(path, () => {
    if (underlay.networks.some(isIpv6Network)) prepareIpv6();
    const inside = openRouteSocket();
    try {
      const link = getLink(inside, "eth0");
      setLink(inside, link.index, { up: true });
      for (const [index, network] of underlay.networks.entries()) {
        ensureAddress(inside, link.index, `${node.addresses[index]}/${network.prefix}`);
        const destination = isIpv6Network(network) ? "::/0" : "0.0.0.0/0";
        replaceRoute(inside, { destination, gateway: network.address });
      }
    } finally {
      inside.close();
    }
  });
}
