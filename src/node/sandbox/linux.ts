/** The agent's port over the running kernel; must be used in the node's network namespace. */
import { closeSync, openSync, readlinkSync } from "node:fs";
import { makeFifo, pipe } from "../../kernel/ffi.ts";
import { deleteIpc, ensureIpc, listIpc, withinIpc } from "../../kernel/ipc.ts";
import { dialLoopback } from "../../kernel/loopback-dial.ts";
import type { NetlinkSocket } from "../../kernel/netlink/socket.ts";
import { createNetns, deleteNetns, listNetns, netnsExists, within, withRouteSocket } from "../../kernel/netns.ts";
import {
  childrenOf,
  copyDescriptor,
  isAlive,
  listProcesses,
  parseStat,
  readProcess,
  signalProcess,
} from "../../kernel/processes.ts";
import {
  createVeth,
  deleteLink,
  deleteRoute,
  ensureAddress,
  ensureBridge,
  getLink,
  listAddresses,
  listLinks,
  listRoutes,
  openRouteSocket,
  replaceRoute,
  setHairpin,
  setLink,
} from "../../kernel/route/mod.ts";
import { spawnSession } from "../../kernel/spawn.ts";
import { writeSysctl } from "../../kernel/sysctl.ts";
import { openTerminal, setTerminalSize } from "../../kernel/terminal.ts";
import { cidrContainsCidr, parseCidr } from "../../net/cidr.ts";
import { setHostPorts } from "./host-ports.ts";
import type { NodeNetwork, PodRoute, ProcessPort, SandboxNetwork, SandboxPort, TerminalPort } from "./port.ts";

/** Interface of a Pod, as users know it. */
const podLink = "eth0";

/** Set in the node's namespace, all of them per namespace. */
const nodeSettings: readonly (readonly [string, string])[] = [
  ["net/ipv4/ip_forward", "1"],
  // NodePorts on 127.0.0.1 are rewritten to Pods, which the kernel drops as martian otherwise.
  ["net/ipv4/conf/all/route_localnet", "1"],
  ["net/ipv4/conf/all/rp_filter", "0"],
  ["net/ipv4/conf/default/rp_filter", "0"],
];

export const processPort: ProcessPort = {
  spawn: spawnSession,
  spawnIn: ({ networkNamespace, ipcNamespace }, body) => {
    const inIpc = () => (ipcNamespace === undefined ? body() : withinIpc(ipcNamespace, body));
    return networkNamespace === undefined ? inIpc() : within(networkNamespace, inIpc);
  },
  killByMountNamespace,
  parseProcess: (stat) => {
    const process = parseStat(stat);
    return process && { pid: process.pid, startTime: process.startTime };
  },
  isAlive,
  signal: signalProcess,
  makeFifo,
  openPipe: pipe,
  sessionsOf,
  signalSessions,
  copyDescriptor,
};

export const terminalPort: TerminalPort = { openTerminal, setTerminalSize };

/** A session outlives its first process, whose number it keeps. */
function sessionsOf(pid: number): number[] {
  const children = childrenOf(pid);
  return [pid, ...children, ...children.flatMap((child) => readProcess(child)?.session || [])];
}

function signalSessions(sessions: readonly number[], signal: NodeJS.Signals, { except }: { except: number }): void {
  for (const process of listProcesses()) {
    if (sessions.includes(process.session) && process.pid !== except) signalProcess(process, signal);
  }
}

function killByMountNamespace(namespace: string): void {
  for (const process of listProcesses()) {
    if (linkOf(`/proc/${process.pid}/ns/mnt`) === namespace) signalProcess(process, "SIGKILL");
  }
}

/** Undefined for a process that has ended. */
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** For IPv6 addresses. A Pod's address is its own by the agent's books: nobody asks for duplicates, and it is usable at once. */
const ipv6Settings: readonly (readonly [string, string])[] = [
  ["net/ipv6/conf/all/disable_ipv6", "0"],
  ["net/ipv6/conf/default/disable_ipv6", "0"],
  ["net/ipv6/conf/all/accept_dad", "0"],
  ["net/ipv6/conf/default/accept_dad", "0"],
];

const applySettings = (settings: typeof nodeSettings): void => {
  for (const [name, value] of settings) writeSysctl(name, value);
};

const hasIpv6 = (addresses: readonly string[]): boolean => addresses.some((address) => address.includes(":"));

function setUpNode(socket: NetlinkSocket, { bridge, addresses, mac, mtu }: NodeNetwork): void {
  applySettings(nodeSettings);
  if (hasIpv6(addresses)) applySettings([...ipv6Settings, ["net/ipv6/conf/all/forwarding", "1"]]);
  const link = ensureBridge(socket, bridge, { up: true, mtu, mac });
  for (const address of addresses) ensureAddress(socket, link.index, address);
  writeSysctl(`net/ipv4/conf/${bridge}/rp_filter`, "0");
  writeSysctl(`net/ipv4/conf/${bridge}/route_localnet`, "1");
}

function connect(socket: NetlinkSocket, sandbox: SandboxNetwork): void {
  const { path, hostLink, bridge, mtu, mac } = sandbox;
  const masterIndex = getLink(socket, bridge).index;
  // Before the link is made: it takes them over.
  if (hasIpv6(sandbox.addresses)) within(path, () => applySettings(ipv6Settings));
  const netnsFd = openSync(path, "r");
  try {
    createVeth(socket, { name: hostLink, masterIndex, mtu, up: true }, { name: podLink, netnsFd, mtu, mac });
  } finally {
    closeSync(netnsFd);
  }
  setHairpin(socket, hostLink, true);
  withRouteSocket(path, (inner) => {
    const link = getLink(inner, podLink);
    for (const address of sandbox.addresses) ensureAddress(inner, link.index, address);
    setLink(inner, link.index, { up: true });
    for (const gateway of sandbox.gateways) {
      const destination = gateway.includes(":") ? "::/0" : "0.0.0.0/0";
      replaceRoute(inner, { destination, gateway, linkIndex: link.index });
    }
  });
}

function setPodRoutes(socket: NetlinkSocket, routes: readonly PodRoute[], all: readonly string[]): void {
  const wanted = new Set(routes.map(({ destination }) => destination));
  const ranges = all.flatMap((text) => parseCidr(text) ?? []);
  for (const route of listRoutes(socket)) {
    const destination = parseCidr(route.destination);
    if (route.byKernel || !route.gateway || !destination) continue;
    if (!ranges.some((range) => cidrContainsCidr(range, destination))) continue;
    if (!wanted.has(route.destination)) deleteRoute(socket, route);
  }
  for (const route of routes) replaceRoute(socket, route);
}

/** Opens a route socket for the life of the process. */
export function createLinuxPort(): SandboxPort {
  const socket = openRouteSocket();
  const deleteSandbox: SandboxPort["deleteSandbox"] = ({ path, hostLink }) => {
    // The link first: the namespace may live on for a moment, and the link with it.
    deleteLink(socket, hostLink);
    deleteNetns(path);
  };
  return {
    ...processPort,
    ...terminalPort,
    dialLoopback,
    ensureIpc,
    deleteIpc: (path) => void deleteIpc(path),
    listIpc,
    mtuOf: (address) => {
      const found = listAddresses(socket).find(({ cidr }) => cidr.split("/")[0] === address);
      return found && getLink(socket, found.linkIndex).mtu;
    },
    setUpNode: (network) => setUpNode(socket, network),
    createSandbox: (sandbox) => {
      createNetns(sandbox.path);
      try {
        connect(socket, sandbox);
      } catch (error) {
        deleteSandbox(sandbox);
        throw error;
      }
    },
    deleteSandbox,
    sandboxExists: netnsExists,
    listHostLinks: (bridge) => {
      const { index } = getLink(socket, bridge);
      return listLinks(socket)
        .filter((link) => link.masterIndex === index)
        .map(({ name }) => name);
    },
    deleteHostLink: (name) => void deleteLink(socket, name),
    listSandboxes: listNetns,
    setHostPorts,
    setPodRoutes: (routes, { within: all }) => setPodRoutes(socket, routes, all),
  };
}
