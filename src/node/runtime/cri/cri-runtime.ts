/** Containers that containerd runs. Its store is the only one: the agent keeps what it has seen, and asks again. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Log } from "../../../lib/log.ts";
import type {
  ContainerInfo,
  ContainerRuntime,
  ContainerSpec,
  ContainerState,
  ContainerStreams,
  ExecProcess,
  ExecResult,
} from "../container-runtime.ts";
import { GrpcError, grpcCodes } from "./channel.ts";
import { type CriClient, isGone } from "./client.ts";
import { containerOf, type Place } from "./config.ts";
import type { CriImages } from "./images.ts";
import { rotateLog } from "./log-rotation.ts";
import { containerStates } from "./messages.ts";
import { type CriRecord, ownerLabels, recordOf, stateOf } from "./record.ts";
import { Sandboxes } from "./sandboxes.ts";
import { type DialMachine, openAttach, openCriExec } from "./streams.ts";

export interface CriRuntimeOptions {
  readonly client: CriClient;
  readonly images: Pick<CriImages, "ensure">;
  readonly place: Place;
  readonly dial: DialMachine;
  readonly log: Log;
}

interface Container {
  readonly record: CriRecord;
  /** Of containerd; undefined until it is made there. */
  foreignId?: string;
  state: ContainerState;
}

/** containerd 1.6 sends no events over CRI. */
const relistMs = 500;
const rotationMs = 10_000;
/** It ends commands whose time is up itself. */
const lateSec = 10;
/** It is the Pod's matter when a container must be killed. */
const patienceSec = 24 * 3600;
/** The kubelet's limit of a probe's output. */
const outputLimitBytes = 10 * 1024;

const seccompFileOf = ({ logFile }: Pick<ContainerSpec, "logFile">): string => `${logFile}.seccomp.json`;

export class CriRuntime implements ContainerRuntime {
  readonly #client: CriClient;
  readonly #options: CriRuntimeOptions;
  readonly #sandboxes: Sandboxes;
  readonly #containers = new Map<string, Container>();
  readonly #listeners = new Set<(container: ContainerInfo) => void>();
  readonly #timers: readonly NodeJS.Timeout[];
  #relisting: Promise<void> | undefined;
  #closed = false;

  private constructor(options: CriRuntimeOptions) {
    this.#options = options;
    this.#client = options.client;
    this.#sandboxes = new Sandboxes(options.client, options.place);
    this.#timers = [
      setInterval(() => void this.#relist(), relistMs).unref(),
      setInterval(() => this.#rotate(), rotationMs).unref(),
    ];
  }

  /** Adopts the containers of a former agent. */
  static async open(options: CriRuntimeOptions): Promise<CriRuntime> {
    const runtime = new CriRuntime(options);
    await runtime.#adopt();
    return runtime;
  }

  async start(spec: ContainerSpec): Promise<void> {
    const { argv: _argv, mounts: _mounts, root: _root, ...record } = spec;
    const container: Container = { record, state: { kind: "starting" } };
    this.#containers.set(spec.id, container);
    try {
      container.foreignId = await this.#create(spec);
    } catch (error) {
      return this.#become(container, failed(error));
    }
    try {
      await this.#client.call("startContainer", { containerId: container.foreignId });
    } catch (error) {
      this.#options.log.info("a container could not be started", { container: spec.name, error });
    }
    await this.#refresh(container);
    // It was made and is not begun: nobody will begin it.
    if (this.#kindOf(container) === "starting") this.#become(container, failed(new Error("it could not be started")));
  }

  get(id: string): ContainerInfo | undefined {
    const container = this.#containers.get(id);
    return container && info(container);
  }

  list(): readonly ContainerInfo[] {
    return [...this.#containers.values()].map(info);
  }

  /** SIGKILL, or the one that its image names: CRI knows no other. */
  signal(id: string, signal: NodeJS.Signals): boolean {
    const container = this.#containers.get(id);
    if (container?.state.kind !== "running") return false;
    void this.#stop(container, signal === "SIGKILL" ? 0 : patienceSec);
    return true;
  }

  async remove(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (!container) return;
    if (container.state.kind !== "exited") await this.#stop(container, 0);
    const { foreignId } = container;
    if (foreignId !== undefined) {
      await this.#client.call("removeContainer", { containerId: foreignId }).catch((error: unknown) => {
        if (!isGone(error)) throw error;
      });
    }
    rmSync(seccompFileOf(container.record), { force: true });
    this.#containers.delete(id);
  }

  async endPod(podUid: string, options: { readonly forget: boolean }): Promise<void> {
    await this.#sandboxes.end(podUid, options);
    if (!options.forget) return;
    for (const { record } of this.#containers.values()) {
      if (record.podUid === podUid) this.#containers.delete(record.id);
    }
  }

  async exec(id: string, argv: readonly string[], { timeoutMs }: { timeoutMs: number }): Promise<ExecResult> {
    const containerId = this.#running(id);
    if (containerId === undefined) return { exitCode: 126, output: "the container is not running" };
    // In whole seconds; 0 has no end.
    const timeout = timeoutMs > patienceSec * 1000 ? 0 : Math.max(1, Math.ceil(timeoutMs / 1000));
    const answerMs = ((timeout || patienceSec) + lateSec) * 1000;
    try {
      const request = { containerId, cmd: argv, timeout };
      const { stdout, stderr, exitCode } = await this.#client.call("execSync", request, answerMs);
      return { exitCode, output: Buffer.concat([stdout, stderr]).subarray(0, outputLimitBytes).toString() };
    } catch (error) {
      if (!(error instanceof GrpcError)) throw error;
      const late = error.code === grpcCodes.deadlineExceeded || /deadline exceeded/.test(error.message);
      return late ? { exitCode: undefined, output: "" } : { exitCode: 126, output: error.message };
    }
  }

  async openExec(id: string, argv: readonly string[], { tty }: { tty: boolean }): Promise<ExecProcess | undefined> {
    const containerId = this.#running(id);
    if (containerId === undefined) return undefined;
    const streams = { stdin: true, stdout: true, stderr: !tty, tty };
    const { url } = await this.#client.call("exec", { containerId, cmd: argv, ...streams });
    return openCriExec(url, streams, this.#options.dial);
  }

  streams(id: string): ContainerStreams | undefined {
    const container = this.#containers.get(id);
    if (!container) return undefined;
    const { input, tty = false } = container.record;
    const streams = { stdin: input !== undefined, stdout: true, stderr: !tty, tty };
    return openAttach(streams, this.#options.dial, async () => {
      const containerId = this.#running(id);
      return containerId === undefined
        ? undefined
        : (await this.#client.call("attach", { containerId, ...streams })).url;
    });
  }

  onChange(listener: (container: ContainerInfo) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#client.close();
  }

  async #create(spec: ContainerSpec): Promise<string> {
    const { images, place } = this.#options;
    const [sandbox, image] = await Promise.all([this.#sandboxes.ensure(spec), images.ensure(spec.imageId)]);
    mkdirSync(dirname(spec.logFile), { recursive: true });
    const seccompFile = spec.seccompProfile && seccompFileOf(spec);
    if (seccompFile !== undefined) writeFileSync(seccompFile, JSON.stringify(spec.seccompProfile));
    const target =
      typeof spec.pidNamespace === "object" ? this.#containers.get(spec.pidNamespace.container) : undefined;
    const config = containerOf(spec, { ...place, image, seccompFile, target: target?.foreignId });
    const { containerId } = await this.#client.call("createContainer", {
      ...{ podSandboxId: sandbox.id, config, sandboxConfig: sandbox.config },
    });
    return containerId;
  }

  #kindOf(container: Container): ContainerState["kind"] {
    return container.state.kind;
  }

  #running(id: string): string | undefined {
    const container = this.#containers.get(id);
    return container?.state.kind === "running" ? container.foreignId : undefined;
  }

  async #stop(container: Container, timeout: number): Promise<void> {
    const { foreignId } = container;
    if (foreignId === undefined) return;
    try {
      await this.#client.call("stopContainer", { containerId: foreignId, timeout }, (timeout + 120) * 1000);
    } catch (error) {
      if (!isGone(error) && !this.#closed) this.#options.log.warn("a container was not stopped", { error });
    }
    if (!this.#closed) await this.#refresh(container);
  }

  async #refresh(container: Container): Promise<void> {
    const { foreignId } = container;
    if (foreignId === undefined || container.state.kind === "exited") return;
    try {
      const { status } = await this.#client.call("containerStatus", { containerId: foreignId });
      if (status) this.#become(container, stateOf(status));
    } catch (error) {
      if (isGone(error)) this.#become(container, lost(container.state));
    }
  }

  #become(container: Container, state: ContainerState): void {
    if (container.state.kind === "exited" || container.state.kind === state.kind) return;
    container.state = state;
    for (const listener of this.#listeners) listener(info(container));
  }

  async #list() {
    const filter = { labelSelector: ownerLabels(this.#options.place) };
    return (await this.#client.call("listContainers", { filter })).containers;
  }

  async #adopt(): Promise<void> {
    const pods = new Set<string>();
    for (const one of await this.#list()) {
      const record = recordOf(one);
      // Made, but never begun: its agent was killed in between.
      if (!record || containerStates[one.state] === "created") {
        await this.#client.call("removeContainer", { containerId: one.id });
        continue;
      }
      const container: Container = { record, foreignId: one.id, state: { kind: "starting" } };
      this.#containers.set(record.id, container);
      pods.add(record.podUid);
      await this.#refresh(container);
    }
    for (const uid of await this.#sandboxes.pods())
      if (!pods.has(uid)) await this.#sandboxes.end(uid, { forget: true });
  }

  /** One at a time: containerd may be slow. */
  #relist(): Promise<void> {
    this.#relisting ??= this.#compare()
      .catch((error: unknown) => {
        if (!this.#closed) this.#options.log.debug("containerd does not answer", { error });
      })
      .finally(() => {
        this.#relisting = undefined;
      });
    return this.#relisting;
  }

  async #compare(): Promise<void> {
    const running = [...this.#containers.values()].filter(({ state }) => state.kind === "running");
    if (running.length === 0) return;
    const there = new Map((await this.#list()).map(({ id, state }) => [id, containerStates[state]]));
    const changed = running.filter(({ foreignId = "" }) => there.get(foreignId) !== "running");
    await Promise.all(changed.map((container) => this.#refresh(container)));
  }

  #rotate(): void {
    for (const { record, state, foreignId } of this.#containers.values()) {
      if (state.kind !== "running" || foreignId === undefined) continue;
      const reopen = () => this.#client.call("reopenContainerLog", { containerId: foreignId });
      void rotateLog(record.logFile, reopen).catch((error: unknown) =>
        this.#options.log.warn("a log was not rotated", { error }),
      );
    }
  }
}

const failed = (error: unknown): ContainerState => ({
  kind: "exited",
  finishedAtMs: Date.now(),
  exitCode: 128,
  error: (error as Error).message,
});

function lost(state: ContainerState): ContainerState {
  const startedAtMs = state.kind === "running" ? state.startedAtMs : Date.now();
  const error = "containerd does not know the container any more";
  return { kind: "exited", startedAtMs, finishedAtMs: Date.now(), exitCode: 137, error };
}

function info({ record, state, foreignId }: Container): ContainerInfo {
  return { env: {}, ...record, state, ...(foreignId !== undefined && { foreignId }) };
}
