/** All that the agent asks of the operating system beyond Node's built-ins. `linux.ts` implements it over src/kernel. */

import type { HostPort } from "../network/host-ports.ts";

/** A process for ever: the number and when it started tell it from a later one with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Ticks since boot, as text. */
  readonly startTime: string;
}

export interface SpawnOptions {
  readonly cwd?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What the program's first descriptors are: one of the agent, or /dev/null. */
  readonly stdio: readonly (number | "ignore")[];
}

export interface SpawnedProcess {
  readonly pid: number;
  /** Its exit code; 128 and the number of the signal that ended it. */
  readonly exit: Promise<number>;
}

/** Paths of those that all containers of a Pod share. */
export interface PodNamespaces {
  readonly networkNamespace?: string | undefined;
  readonly ipcNamespace?: string | undefined;
}

export interface ProcessPort {
  /** A program, at an absolute path, that leads a session and does not keep the agent alive. Throws when it cannot be started. */
  spawn(path: string, words: readonly string[], options: SpawnOptions): SpawnedProcess;
  /** Runs the synchronous `body`; a process that it spawns lives in these namespaces (absent: the node's own). */
  spawnIn<T>(namespaces: PodNamespaces, body: () => T): T;
  /** Kills all processes whose mount namespace is this one, as links in /proc name it: "mnt:[4026531840]". */
  killByMountNamespace(namespace: string): void;
  /** From a line of /proc/<pid>/stat; undefined when it is none. */
  parseProcess(stat: string): ProcessIdentity | undefined;
  isAlive(process: ProcessIdentity): boolean;
  /** Sends to this very process and says whether it was there. */
  signal(process: ProcessIdentity, signal: NodeJS.Signals): boolean;
  /** Its own session, those that its children are in, and those that they may be about to make. */
  sessionsOf(pid: number): number[];
  /** Sends to all their processes. */
  signalSessions(sessions: readonly number[], signal: NodeJS.Signals, options: { except: number }): void;
  /** A named pipe that was not there. */
  makeFifo(path: string): void;
  /** Both ends are the caller's to close. */
  openPipe(): { readonly read: number; readonly write: number };
  /** A copy of that process's descriptor; undefined when it has none. */
  copyDescriptor(process: ProcessIdentity, fd: number): number | undefined;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface TerminalPort {
  /** `fd` is the side of whoever shows it, `path` that of the programs; absent: the machine's /dev. */
  openTerminal(devices?: string): { readonly fd: number; readonly path: string };
  setTerminalSize(fd: number, size: TerminalSize): void;
}

export interface DialPort {
  /** A connecting socket to 127.0.0.1 or ::1 of a network namespace (absent: the node's own). */
  dialLoopback(networkNamespace: string | undefined, port: number, family?: 4 | 6): number;
}

export interface NodeNetwork {
  /** e.g. "cni0". */
  readonly bridge: string;
  /** e.g. ["10.244.0.1/24", "fd00:10:244::1/64"]. */
  readonly addresses: readonly string[];
  /** The bridge's own: of its links' addresses it would take the lowest, and Pods would not know when that changes. */
  readonly mac: string;
  readonly mtu: number;
}

export interface SandboxNetwork {
  /** Where the Pod's network namespace is kept, e.g. "/run/fairlead/netns/pod-<uid>". */
  readonly path: string;
  /** Name of the veth's end at the bridge. */
  readonly hostLink: string;
  readonly bridge: string;
  /** e.g. ["10.244.0.5/24", "fd00:10:244::5/64"]. */
  readonly addresses: readonly string[];
  /** The bridge's addresses, in the same order. */
  readonly gateways: readonly string[];
  readonly mac: string;
  readonly mtu: number;
}

export interface PodRoute {
  /** Pods of another node, e.g. "10.244.1.0/24". */
  readonly destination: string;
  /** The address of that node. */
  readonly gateway: string;
}

export interface NetworkPort {
  /** MTU of the link that holds the address; undefined when none does. */
  mtuOf(address: string): number | undefined;
  /** The bridge with its addresses, and the node's settings; may be called again. */
  setUpNode(network: NodeNetwork): void;
  /** If anything fails, nothing is left. */
  createSandbox(sandbox: SandboxNetwork): void;
  /** May be called again. */
  deleteSandbox(sandbox: { readonly path: string; readonly hostLink: string }): void;
  sandboxExists(path: string): boolean;
  /** Names of the bridge's veth ends. */
  listHostLinks(bridge: string): readonly string[];
  /** Takes a veth end away whose sandbox is not known. */
  deleteHostLink(name: string): void;
  /** Names of the network namespaces kept in a folder. */
  listSandboxes(folder: string): readonly string[];
  /** Makes the routes to other nodes' Pods these and no others (of those within `within`, e.g. ["10.244.0.0/16"]). */
  setPodRoutes(routes: readonly PodRoute[], options: { within: readonly string[] }): void;
  /** Makes the node's ports that lead to Pods these and no others. */
  setHostPorts(ports: readonly HostPort[]): void;
}

/** IPC namespaces kept at paths. */
export interface IpcPort {
  ensureIpc(path: string): void;
  /** May be called again. */
  deleteIpc(path: string): void;
  /** Names of those in a folder. */
  listIpc(folder: string): readonly string[];
}

export type SandboxPort = ProcessPort & TerminalPort & DialPort & NetworkPort & IpcPort;
