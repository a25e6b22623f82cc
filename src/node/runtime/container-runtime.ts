/** The seam between Pods and what runs their containers: `shim-runtime.ts` runs them itself, or by an OCI runtime. */
import type { Readable, Writable } from "node:stream";
import type { ResourceLimits } from "../cgroups/settings.ts";
import type { Stream } from "../logs/log-line.ts";
import type { TerminalSize } from "../sandbox/port.ts";

export interface Mount {
  /** Absent for a tmpfs. */
  readonly source?: string;
  /** Path as the container sees it. */
  readonly target: string;
  readonly readOnly: boolean;
  /** What is mounted below it is read-only, too, where the runtime can do that. */
  readonly recursive?: true;
}

/** What "/" is for a container. */
export type Root =
  /** The machine's own file system. */
  | { readonly kind: "machine" }
  /** A fresh tmpfs with a copy of `skeleton` (small: directories, links) and these directories of the image, read-only. */
  | { readonly kind: "assembled"; readonly skeleton: string; readonly directories: readonly Mount[] }
  /** An image's own, in a folder that many containers share: an overlay is mounted over it, or it is copied. */
  | { readonly kind: "unpacked"; readonly directory: string; readonly overlay?: Overlay };

/** "user" keeps its notes in user.* attributes, the only ones there are in a user namespace (Linux 5.11). */
export type Overlay = "trusted" | "user";

export interface ContainerIdentity {
  /** 64 hexadecimal digits. */
  readonly id: string;
  /** What runs it, as the handler of a RuntimeClass names it, e.g. "crun"; absent: the default. */
  readonly handler?: string;
  readonly podUid: string;
  /** Name of the container in its Pod. */
  readonly name: string;
  /** How often a container of this name was started before: its restartCount. */
  readonly attempt: number;
  /** As written in the Pod, e.g. "busybox:1.36". */
  readonly image: string;
  readonly imageId: string;
  /** What asks its command to end; default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals;
  /** On disk, for what it writes into its root; made when needed, removed with it. */
  readonly scratch?: string;
  /** What runs it has an id of its own for it, which its tools show. */
  readonly foreignId?: string;
}

/** What a runtime with sandboxes of its own is told of the Pod. */
export interface PodIdentity {
  readonly name: string;
  readonly namespace: string;
  readonly ips: readonly string[];
  /** One of its containers is. */
  readonly privileged?: boolean;
}

export interface ContainerSpec extends ContainerIdentity {
  readonly pod?: PodIdentity;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  readonly root: Root;
  /** In the order they are mounted; parents come before children. */
  readonly mounts: readonly Mount[];
  readonly hostname: string;
  /** Path of the Pod's network namespace; absent: the node's own. */
  readonly networkNamespace?: string;
  /** Absent: user 0. */
  readonly user?: ContainerUser;
  /** All it can ever have, e.g. ["NET_RAW"]; absent: every one. */
  readonly capabilities?: readonly string[];
  readonly noNewPrivileges?: boolean;
  /** The profile RuntimeDefault; absent: no filter. */
  readonly seccomp?: boolean;
  /** A profile of the user's own, as the OCI runtime-spec has it. */
  readonly seccompProfile?: Readonly<Record<string, unknown>>;
  readonly readOnlyRoot?: boolean;
  /** Parts of /proc and /sys that tell of or change the machine are hidden or read-only. */
  readonly maskPaths?: boolean;
  /** Enforced where the machine allows it. */
  readonly limits?: ResourceLimits;
  /** Path of the Pod's IPC namespace; absent: the node's own. */
  readonly ipcNamespace?: string;
  /** Whose processes it sees; absent: its own only. */
  readonly pidNamespace?: PidNamespace;
  /** What it reads; absent: nothing, its stdin is at its end. */
  readonly input?: ContainerInput;
  /** It has a terminal, which is its stdin, stdout and stderr. */
  readonly tty?: boolean;
  /** Lines of the log are appended here, in the CRI format. */
  readonly logFile: string;
}

export interface ContainerUser {
  readonly uid: number;
  readonly gid: number;
  /** Beside gid. */
  readonly groups?: readonly number[];
}

/** The node's, or that of the container with this id. */
export type PidNamespace = "node" | { readonly container: string };

/** "once": stdin ends when the first one that was attached to it ends it. Source: core/v1 Container.stdin, stdinOnce. */
export type ContainerInput = "open" | "once";

export type ContainerState =
  | { readonly kind: "starting" }
  /** `pid` is absent where the agent cannot see the process. */
  | { readonly kind: "running"; readonly pid?: number; readonly startedAtMs: number }
  | {
      readonly kind: "exited";
      /** Absent when the command was never reached: `error` says why. */
      readonly startedAtMs?: number;
      readonly finishedAtMs: number;
      /** 128 + number for a signal; 137 also when the runtime lost sight of the container. */
      readonly exitCode: number;
      readonly error?: string;
      /** The kernel ended it, or one of its processes, for want of memory. */
      readonly oomKilled?: boolean;
    };

export interface ContainerInfo extends ContainerIdentity {
  readonly state: ContainerState;
  readonly input?: ContainerInput;
  readonly tty?: boolean;
  readonly logFile: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface ExecResult {
  /** Undefined when the time was up. */
  readonly exitCode: number | undefined;
  /** stdout and stderr, at most 10 KiB. */
  readonly output: string;
}

/** A command that runs inside a container, with its streams. */
export interface ExecProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Absent with a terminal: all is one stream. */
  readonly stderr: Readable | undefined;
  /** 128 + number for a signal. What it left running may hold its streams open. */
  readonly exit: Promise<number>;
  resize(size: TerminalSize): void;
  /** Ends it and what it has started, unless that has left its session. After SIGHUP those who did not listen are killed. */
  kill(signal: "SIGHUP" | "SIGKILL"): void;
}

/** The streams of a running container itself. */
export interface ContainerStreams {
  /** Calls for each piece of output; the first listener also gets what came before it. Returns a function that ends it. */
  onOutput(listener: (chunk: Buffer, stream: Stream) => void): () => void;
  /** Undefined when it does not read. Ending it ends the container's stdin only with `input` "once". */
  openStdin(): Writable | undefined;
  resize(size: TerminalSize): void;
}

export interface ContainerRuntime {
  /** Resolves when the command runs, or the container has exited before that (see its state); rejects when it cannot even be tried. */
  start(spec: ContainerSpec): Promise<void>;
  get(id: string): ContainerInfo | undefined;
  /** All containers that are not removed, those of former agents as well. */
  list(): readonly ContainerInfo[];
  /** Sends a signal to the container's first process; false when it does not run (any more). */
  signal(id: string, signal: NodeJS.Signals): boolean;
  /** Kills it when it runs and forgets everything but its log. */
  remove(id: string): Promise<void>;
  /** The Pod's containers have ended: what they shared is let go of; `forget` removes all that is left. */
  endPod?(podUid: string, options: { readonly forget: boolean }): Promise<void>;
  exec(id: string, argv: readonly string[], options: { timeoutMs: number }): Promise<ExecResult>;
  /** Undefined when the container does not run. */
  openExec(id: string, argv: readonly string[], options: { tty: boolean }): Promise<ExecProcess | undefined>;
  /** Until the container is removed, even when it has exited. */
  streams(id: string): ContainerStreams | undefined;
  /** Called after each change of a container's state; its output is in the log when it has exited. Returns a function that ends it. */
  onChange(listener: (container: ContainerInfo) => void): () => void;
  /** Stops watching; containers go on running. */
  close(): void;
}
