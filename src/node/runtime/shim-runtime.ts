/** Containers of this machine, each with a shim beside it that outlives the agent; how they are run is the engines' matter. */
import { existsSync, type FSWatcher, mkdirSync, readdirSync, rmdirSync, rmSync, watch } from "node:fs";
import { join } from "node:path";
import { Gate } from "../../lib/gate.ts";
import type { Log } from "../../lib/log.ts";
import type { Cgroups } from "../cgroups/cgroups.ts";
import {
  type ContainerRecord,
  exitedFile,
  listContainerDirectories,
  readRecord,
  recordOf,
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
import { fifosOf } from "./setup-script.ts";
import { ShimContainer } from "./shim-container.ts";

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

/** What shims and set-up programs get; the container's own environment is made from nothing. */
const shimEnvironment = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };
/** How often the shims of containers are looked for: they tell of every exit themselves, unless somebody killed them. */
const shimCheckMs = 2000;
/** Many at once would all be late, and stand in the way of what else the machine does. */
const startsAtOnce = 8;
/** When the runtime does not know how a container ended. */
const lostExitCode = 137;

export class ShimRuntime implements ContainerRuntime {
  readonly #events: string;
  readonly #pods: string;
  readonly #port: ExecPort;
  readonly #log: Log;
  readonly #engines: readonly [Engine, ...Engine[]];
  readonly #cgroups: Cgroups | undefined;
  readonly #containers = new Map<string, ShimContainer>();
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
    for (const name of fifosOf(spec)) this.#port.makeFifo(join(directory, name));
    const container = this.#add(record);
    const terminal = spec.tty && engine.givesTerminal ? this.#port.openTerminal() : undefined;
    if (terminal) container.showOn(terminal.fd);
    const words = ["shim.sh", ...(terminal ? [terminal.path] : [])];
    const stdio = ["ignore", "ignore", "ignore", ...(terminal ? [terminal.fd] : [])] as const;
    const options = { cwd: directory, env: shimEnvironment, stdio };
    try {
      const shim = this.#port.spawnIn(spec, () => this.#port.spawn("/bin/sh", words, options));
      void shim.exit.then(() => this.#refreshOrLose(container));
    } catch (error) {
      this.#lose(container, String((error as Error).message));
    }
    await container.settled.promise;
  }

  get(id: string): ContainerInfo | undefined {
    return this.#containers.get(id)?.info;
  }

  list(): readonly ContainerInfo[] {
    return [...this.#containers.values()].map(({ info }) => info);
  }

  signal(id: string, signal: NodeJS.Signals): boolean {
    const container = this.#containers.get(id);
    const process = container?.ended === false && container.process;
    return process ? this.#port.signal(process, signal) : false;
  }

  async remove(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (!container) return;
    if (!container.ended) await this.#kill(container);
    await this.#engineOf(container.record).release(container.record);
    this.#containers.delete(id);
    container.forget();
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
    return this.#containers.get(id)?.streams;
  }

  onChange(listener: (container: ContainerInfo) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    this.#watcher.close();
    clearInterval(this.#shimCheck);
    for (const container of this.#containers.values()) container.close();
  }

  #add(record: ContainerRecord): ShimContainer {
    const container = new ShimContainer(record, { port: this.#port, log: this.#log, events: this.#events });
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

  #refresh(container: ShimContainer | undefined): void {
    if (!container || container.ended) return;
    const state = container.readState();
    if (state.kind === container.state.kind) return;
    container.readOutput();
    this.#become(container, state);
  }

  #become(container: ShimContainer, state: ContainerState): void {
    if (state.kind === "exited") container.finish();
    container.state = this.#withReason(container.record, state);
    container.settled.resolve();
    for (const listener of this.#listeners) listener(container.info);
  }

  #withReason({ id, limits }: ContainerRecord, state: ContainerState): ContainerState {
    const short = state.kind === "exited" && limits !== undefined && this.#cgroups?.wasShortOfMemory(id);
    return short ? { ...state, oomKilled: true } : state;
  }

  #refreshOrLose(container: ShimContainer): void {
    this.#refresh(container);
    if (container.ended || this.#containers.get(container.record.id) !== container || container.hasShim) return;
    this.#refresh(container);
    this.#lose(container, "The shim of the container is gone");
  }

  /** Without its shim nobody knows how the container ends: it is ended. */
  #lose(container: ShimContainer, error: string): void {
    if (container.ended) return;
    container.abandon();
    const { state } = container;
    const finished = { kind: "exited", finishedAtMs: Date.now(), exitCode: lostExitCode, error } as const;
    this.#become(container, state.kind === "running" ? { ...finished, startedAtMs: state.startedAtMs } : finished);
  }

  #checkShims(): void {
    for (const container of this.#containers.values()) {
      if (!container.ended && !container.isFine) this.#refreshOrLose(container);
    }
  }

  async #kill(container: ShimContainer): Promise<void> {
    const exited = Promise.withResolvers<void>();
    const stop = this.onChange(({ id, state }) => {
      if (id === container.record.id && state.kind === "exited") exited.resolve();
    });
    if (container.state.kind === "starting") await container.settled.promise;
    if (container.ended || !this.signal(container.record.id, "SIGKILL")) this.#checkShims();
    if (!container.ended) await exited.promise;
    stop();
  }
}
