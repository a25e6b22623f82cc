/** Containers of this machine, each with a shim beside it that outlives the agent; how they are run is the engines' matter. */
import { type StdioOptions, spawn } from "node:child_process";
import { existsSync, type FSWatcher, mkdirSync, readdirSync, rmdirSync, rmSync, watch } from "node:fs";
import { join } from "node:path";
import { Gate } from "../../lib/gate.ts";
import type { Log } from "../../lib/log.ts";
import type { Cgroups } from "../cgroups/cgroups.ts";
import { LogPump, writeToFifo } from "../logs/log-pump.ts";
import type { ProcessIdentity } from "../sandbox/port.ts";
import { endInput, openInput } from "./container-input.ts";
import {
  type ContainerRecord,
  exitedFile,
  listContainerDirectories,
  readRecord,
  readState,
  readText,
  startedFile,
  writeRecord,
} from "./container-record.ts";
import type {
  ContainerInfo,
  ContainerRuntime,
  ContainerSpec,
  ContainerState,
  ContainerStreams,
  ExecProcess,
  ExecResult,
} from "./container-runtime.ts";
import type { Engine } from "./engine.ts";
import type { ExecPort } from "./exec.ts";
import { execResult } from "./exec-result.ts";
import { type TerminalStream, terminalStream } from "./terminal-stream.ts";

export interface ShimRuntimeOptions {
  /** e.g. "<runDir>/nodes/<node>"; holds `pods` and `events`. */
  readonly directory: string;
  readonly port: ExecPort;
  readonly log: Log;
  /** The first one runs what names no handler. */
  readonly engines: readonly [Engine, ...Engine[]];
  /** Those of the engines. */
  readonly cgroups?: Cgroups | undefined;
}

interface Container {
  readonly record: ContainerRecord;
  /** When this agent began with it, or took it over. */
  readonly sinceMs: number;
  state: ContainerState;
  /** Known as soon as it was looked for. */
  shim?: ProcessIdentity;
  pump?: LogPump;
  terminal?: TerminalStream;
  readonly settled: PromiseWithResolvers<void>;
}

/** What shims and set-up programs get; the container's own environment is made from nothing. */
const shimEnvironment = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };
/** How often the shims of containers are looked for: they tell of every exit themselves, unless somebody killed them. */
const shimCheckMs = 2000;
/** Many at once would all be late, and stand in the way of what else the machine does. */
const startsAtOnce = 8;
/** A shim that has not begun within this time never will. */
const shimBeginMs = 1000;
/** Of a shim: the side of the terminal that shows it. */
const terminalDescriptor = 3;
/** When the runtime does not know how a container ended. */
const lostExitCode = 137;

export class ShimRuntime implements ContainerRuntime {
  readonly #events: string;
  readonly #pods: string;
  readonly #port: ExecPort;
  readonly #log: Log;
  readonly #engines: readonly [Engine, ...Engine[]];
  readonly #cgroups: Cgroups | undefined;
  readonly #containers = new Map<string, Container>();
  readonly #starts = new Gate(startsAtOnce);
  readonly #listeners = new Set<(container: ContainerInfo) => void>();
  readonly #watcher: FSWatcher;
  readonly #shimCheck: NodeJS.Timeout;

  /** Adopts the containers of a former agent. */
  constructor({ directory, port, log, engines, cgroups }: ShimRuntimeOptions) {
    this.#engines = engines;
    this.#cgroups = cgroups;
    this.#events = join(directory, "events");
    this.#pods = join(directory, "pods");
    this.#port = port;
    this.#log = log;
    mkdirSync(this.#events, { recursive: true, mode: 0o700 });
    mkdirSync(this.#pods, { recursive: true, mode: 0o700 });
    // Watch before looking, so that nothing happens unseen.
    this.#watcher = watch(this.#events, (_, file) =>
      this.#refresh(this.#containers.get(String(file).split(".")[0] ?? "")),
    );
    for (const path of listContainerDirectories(this.#pods)) this.#adopt(path);
    for (const id of cgroups?.list() ?? []) if (!this.#containers.has(id)) cgroups?.remove(id);
    this.#shimCheck = setInterval(() => this.#checkShims(), shimCheckMs).unref();
  }

  start(spec: ContainerSpec): Promise<void> {
    return this.#starts.pass(() => this.#start(spec));
  }

  async #start(spec: ContainerSpec): Promise<void> {
    const { podUid, name, attempt } = spec;
    const directory = join(this.#pods, podUid, "containers", name, String(attempt));
    mkdirSync(join(directory, "root"), { recursive: true, mode: 0o700 });
    const engine = this.#engineOf(spec);
    const [started, exited] = [startedFile(this.#events, spec.id), exitedFile(this.#events, spec.id)];
    const place = { directory, startedFile: started, exitedFile: exited, joinPid: this.#pidToJoin(spec) };
    const record = recordOf(spec, { directory, ...engine.prepare(spec, place) });
    writeRecord(record);
    const container = this.#add(record);
    const terminal = spec.tty && engine.givesTerminal ? this.#port.openTerminal() : undefined;
    if (terminal) container.terminal = terminalStream(terminal.fd, this.#port);
    const words = ["shim.sh", ...(terminal ? [terminal.path] : [])];
    const stdio: StdioOptions = ["ignore", "ignore", "ignore", ...(terminal ? [terminal.fd] : [])];
    const shim = this.#port.spawnIn(spec, () =>
      spawn("/bin/sh", words, { cwd: directory, env: shimEnvironment, stdio, detached: true }),
    );
    shim.on("error", (error) => this.#lose(container, `Cannot start a shell: ${error.message}`));
    shim.on("exit", () => this.#refreshOrLose(container));
    shim.unref();
    await container.settled.promise;
  }

  get(id: string): ContainerInfo | undefined {
    const container = this.#containers.get(id);
    return container && info(container);
  }

  list(): readonly ContainerInfo[] {
    return [...this.#containers.values()].map(info);
  }

  signal(id: string, signal: NodeJS.Signals): boolean {
    const container = this.#containers.get(id);
    const process = container && container.state.kind !== "exited" && this.#processOf(container.record);
    return process ? this.#port.signal(process, signal) : false;
  }

  async remove(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (!container) return;
    if (container.state.kind !== "exited") await this.#kill(container);
    await this.#engineOf(container.record).release(container.record);
    this.#containers.delete(id);
    this.#forget(container.record);
  }

  async endPod(podUid: string, { forget }: { readonly forget: boolean }): Promise<void> {
    const directory = join(this.#pods, podUid);
    if (!forget) return;
    rmSync(join(directory, "containers"), { recursive: true, force: true });
    // The Pod's volumes in memory may be beside them.
    if (existsSync(directory) && readdirSync(directory).length === 0) rmdirSync(directory);
  }

  async exec(id: string, argv: readonly string[], options: { timeoutMs: number }): Promise<ExecResult> {
    const process = await this.openExec(id, argv, { tty: false });
    return process ? execResult(process, options) : { exitCode: 126, output: "the container is not running" };
  }

  async openExec(id: string, argv: readonly string[], { tty }: { tty: boolean }): Promise<ExecProcess | undefined> {
    const container = this.#containers.get(id);
    if (container?.state.kind !== "running" || container.state.pid === undefined) return undefined;
    const { record } = container;
    return this.#engineOf(record).openExec(record, argv, { pid: container.state.pid, tty, port: this.#port });
  }

  streams(id: string): ContainerStreams | undefined {
    const container = this.#containers.get(id);
    if (!container) return undefined;
    return {
      onOutput: (listener) => container.pump?.onOutput(listener) ?? (() => undefined),
      openStdin: () =>
        container.state.kind === "running" ? openInput(container.record, container.terminal) : undefined,
      resize: (size) => container.terminal?.resize(size),
    };
  }

  onChange(listener: (container: ContainerInfo) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    this.#watcher.close();
    clearInterval(this.#shimCheck);
    for (const { pump } of this.#containers.values()) pump?.close();
  }

  #add(record: ContainerRecord): Container {
    const container: Container = {
      record,
      sinceMs: Date.now(),
      state: { kind: "starting" },
      settled: Promise.withResolvers(),
    };
    this.#containers.set(record.id, container);
    return container;
  }

  #adopt(path: string): void {
    const record = readRecord(path);
    if (record) this.#refreshOrLose(this.#add(record));
    else rmSync(path, { recursive: true, force: true });
  }

  #engineOf({ handler }: Pick<ContainerSpec, "handler">): Engine {
    return this.#engines.find((engine) => engine.handler === handler) ?? this.#engines[0];
  }

  #pidToJoin({ pidNamespace }: ContainerSpec): number | "node" | undefined {
    if (pidNamespace === undefined || pidNamespace === "node") return pidNamespace;
    const state = this.#containers.get(pidNamespace.container)?.state;
    if (state?.kind === "running" && state.pid !== undefined) return state.pid;
    throw new Error("The container whose processes are to be shared does not run");
  }

  #processOf(record: ContainerRecord): ProcessIdentity | undefined {
    return this.#port.parseProcess(readText(join(record.directory, "process")) ?? "");
  }

  #refresh(container: Container | undefined): void {
    if (!container || container.state.kind === "exited") return;
    const parsePid = (stat: string) => this.#port.parseProcess(stat)?.pid;
    const state = readState(container.record, { events: this.#events, parsePid });
    if (state.kind === container.state.kind) return;
    this.#pump(container);
    this.#become(container, state);
  }

  /** The FIFOs are there as soon as anything has happened. */
  #pump(container: Container): void {
    const { directory, logFile, input, tty, name } = container.record;
    const options = { keepEarly: input !== undefined };
    try {
      container.pump ??= tty ? this.#terminalPump(container, options) : LogPump.ofFifos(logFile, directory, options);
    } catch (error) {
      this.#log.warn("container's output cannot be read", { container: name, error });
    }
  }

  /** The agent has it, or the shim holds it: of a former agent, or where it gets it from elsewhere. */
  #terminalPump(container: Container, options: { keepEarly: boolean }): LogPump {
    if (!container.terminal) {
      const shim = this.#shimOf(container);
      const copy = shim && this.#port.copyDescriptor(shim, terminalDescriptor);
      if (copy === undefined) throw new Error("its terminal is gone with its shim");
      container.terminal = terminalStream(copy, this.#port);
    }
    const { fd, stream } = container.terminal;
    return new LogPump(container.record.logFile, [{ stream: "stdout", fd, socket: stream }], options);
  }

  #become(container: Container, state: ContainerState): void {
    if (state.kind === "exited") {
      this.#killLeftovers(container.record);
      container.pump?.finish();
      // The shim has waited for this line: only now may what it holds be lost.
      writeToFifo(join(container.record.directory, "control"), "read");
    }
    container.state = this.#withReason(container.record, state);
    container.settled.resolve();
    for (const listener of this.#listeners) listener(info(container));
  }

  #withReason({ id, limits }: ContainerRecord, state: ContainerState): ContainerState {
    const short = state.kind === "exited" && limits !== undefined && this.#cgroups?.wasShortOfMemory(id);
    return short ? { ...state, oomKilled: true } : state;
  }

  /** Where it was not alone in its pid namespace, what it started may live on: nobody else has its mount namespace. */
  #killLeftovers({ directory, pidNamespace }: ContainerRecord): void {
    const namespace = pidNamespace && readText(join(directory, "mount-namespace"))?.trim();
    if (namespace) this.#port.killByMountNamespace(namespace);
  }

  #refreshOrLose(container: Container): void {
    this.#refresh(container);
    if (container.state.kind === "exited" || this.#containers.get(container.record.id) !== container) return;
    const shim = this.#shimOf(container);
    if (shim ? this.#port.isAlive(shim) : Date.now() - container.sinceMs < shimBeginMs) return;
    this.#refresh(container);
    this.#lose(container, "The shim of the container is gone");
  }

  #shimOf(container: Container): ProcessIdentity | undefined {
    const shim = container.shim ?? this.#port.parseProcess(readText(join(container.record.directory, "shim")) ?? "");
    if (shim) container.shim = shim;
    return shim;
  }

  /** Without its shim nobody knows how the container ends: it is ended. */
  #lose(container: Container, error: string): void {
    if (container.state.kind === "exited") return;
    const process = this.#processOf(container.record);
    if (process) this.#port.signal(process, "SIGKILL");
    if (container.record.input) endInput(container.record);
    const startedAtMs = container.state.kind === "running" ? container.state.startedAtMs : undefined;
    const finished = { kind: "exited", finishedAtMs: Date.now(), exitCode: lostExitCode, error } as const;
    this.#become(container, startedAtMs === undefined ? finished : { ...finished, startedAtMs });
  }

  #checkShims(): void {
    for (const container of this.#containers.values()) {
      const { record, state, shim } = container;
      if (state.kind === "exited") continue;
      const isFine = state.kind === "running" && shim && this.#port.isAlive(shim);
      if (!isFine || existsSync(exitedFile(this.#events, record.id))) this.#refreshOrLose(container);
    }
  }

  async #kill(container: Container): Promise<void> {
    const exited = Promise.withResolvers<void>();
    const stop = this.onChange(({ id, state }) => {
      if (id === container.record.id && state.kind === "exited") exited.resolve();
    });
    if (container.state.kind === "starting") await container.settled.promise;
    if (container.state.kind === "exited" || !this.signal(container.record.id, "SIGKILL")) this.#checkShims();
    if (this.#stateOf(container) !== "exited") await exited.promise;
    stop();
  }

  #stateOf(container: Container): ContainerState["kind"] {
    return container.state.kind;
  }

  #forget({ id, directory, scratch }: ContainerRecord): void {
    for (const path of [directory, scratch ?? directory]) rmSync(path, { recursive: true, force: true });
    rmSync(startedFile(this.#events, id), { force: true });
    rmSync(exitedFile(this.#events, id), { force: true });
  }
}

/** All that is of use once the scripts are written. */
function recordOf(spec: ContainerSpec, place: Pick<ContainerRecord, "directory" | "ownRoot">): ContainerRecord {
  const {
    argv: _argv,
    root: _root,
    seccompProfile: _profile,
    mounts: _mounts,
    hostname: _hostname,
    networkNamespace: _network,
    pod: _pod,
    ...kept
  } = spec;
  return { ...kept, ...place };
}

function info({ record, state }: Container): ContainerInfo {
  return { ...record, state };
}
