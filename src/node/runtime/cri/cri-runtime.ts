/** Containers that containerd runs. Its store is the only one: the agent keeps what it has seen (`containers.ts`), and asks again (`upkeep.ts`). */
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
import { type CriClient, isGone, patienceSec } from "./client.ts";
import { containerOf, type Place } from "./config.ts";
import { type Container, Containers, failed, infoOf, lost } from "./containers.ts";
import { execSync } from "./exec-sync.ts";
import type { CriImages } from "./images.ts";
import { containerStates } from "./messages.ts";
import { ownerLabels, recordOf, stateOf } from "./record.ts";
import { Sandboxes } from "./sandboxes.ts";
import { type DialMachine, openAttach, openCriExec } from "./streams.ts";
import { Upkeep } from "./upkeep.ts";

export interface CriRuntimeOptions {
  readonly client: CriClient;
  readonly images: Pick<CriImages, "ensure">;
  readonly place: Place;
  readonly dial: DialMachine;
  readonly log: Log;
}

const isRunning = (state: number): boolean => containerStates[state] === "running";
const seccompFileOf = ({ logFile }: Pick<ContainerSpec, "logFile">): string => `${logFile}.seccomp.json`;

export class CriRuntime implements ContainerRuntime {
  readonly #client: CriClient;
  readonly #options: CriRuntimeOptions;
  readonly #sandboxes: Sandboxes;
  readonly #containers = new Containers();
  readonly #upkeep: Upkeep;
  #closed = false;

  private constructor(options: CriRuntimeOptions) {
    const { client, place, log } = options;
    this.#options = options;
    this.#client = client;
    this.#sandboxes = new Sandboxes(client, place);
    this.#upkeep = new Upkeep({
      ...{ containers: this.#containers, log },
      list: async () => new Set((await this.#list()).filter(({ state }) => isRunning(state)).map(({ id }) => id)),
      refresh: (container) => this.#refresh(container),
      reopenLog: (containerId) => client.call("reopenContainerLog", { containerId }),
    });
  }

  /** Adopts the containers of a former agent. */
  static async open(options: CriRuntimeOptions): Promise<CriRuntime> {
    const runtime = new CriRuntime(options);
    await runtime.#adopt();
    return runtime;
  }

  async start(spec: ContainerSpec): Promise<void> {
    const { argv: _argv, mounts: _mounts, root: _root, ...record } = spec;
    const container = this.#containers.add(record);
    try {
      container.foreignId = await this.#create(spec);
    } catch (error) {
      return this.#containers.become(container, failed(error));
    }
    try {
      await this.#client.call("startContainer", { containerId: container.foreignId });
    } catch (error) {
      this.#options.log.info("a container could not be started", { container: spec.name, error });
    }
    await this.#refresh(container);
    // It was made and is not begun: nobody will begin it.
    if (this.#kindOf(container) === "starting")
      this.#containers.become(container, failed(new Error("it could not be started")));
  }

  get(id: string): ContainerInfo | undefined {
    const container = this.#containers.get(id);
    return container && infoOf(container);
  }

  list(): readonly ContainerInfo[] {
    return this.#containers.all().map(infoOf);
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
    this.#containers.forget(id);
  }

  async endPod(podUid: string, options: { readonly forget: boolean }): Promise<void> {
    await this.#sandboxes.end(podUid, options);
    if (!options.forget) return;
    for (const { record } of this.#containers.all()) {
      if (record.podUid === podUid) this.#containers.forget(record.id);
    }
  }

  async exec(id: string, argv: readonly string[], { timeoutMs }: { timeoutMs: number }): Promise<ExecResult> {
    const containerId = this.#containers.runningId(id);
    if (containerId === undefined) return { exitCode: 126, output: "the container is not running" };
    return execSync(this.#client, { containerId, argv, timeoutMs });
  }

  async openExec(id: string, argv: readonly string[], { tty }: { tty: boolean }): Promise<ExecProcess | undefined> {
    const containerId = this.#containers.runningId(id);
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
      const containerId = this.#containers.runningId(id);
      return containerId === undefined
        ? undefined
        : (await this.#client.call("attach", { containerId, ...streams })).url;
    });
  }

  onChange(listener: (container: ContainerInfo) => void): () => void {
    return this.#containers.onChange(listener);
  }

  close(): void {
    this.#closed = true;
    this.#upkeep.close();
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
      if (status) this.#containers.become(container, stateOf(status));
    } catch (error) {
      if (isGone(error)) this.#containers.become(container, lost(container.state));
    }
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
      pods.add(record.podUid);
      await this.#refresh(this.#containers.add(record, one.id));
    }
    for (const uid of await this.#sandboxes.pods())
      if (!pods.has(uid)) await this.#sandboxes.end(uid, { forget: true });
  }
}
