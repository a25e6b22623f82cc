/** Brings one Pod to life, keeps it so, and ends it. All decisions are made elsewhere; here is their order. */
import { join } from "node:path";
import type { PodStatus } from "kubernetes-types/core/v1";
import type { Pod } from "../../api/object.ts";
import { type Coalescer, coalesce } from "../../lib/coalesce.ts";
import type { Log } from "../../lib/log.ts";
import type { PodFacts } from "../environment/field-ref.ts";
import type { ContainerInfo } from "../runtime/container-runtime.ts";
import { launchContainer } from "./container-launch.ts";
import { planContainers } from "./container-plan.ts";
import { ContainerSlot, type SlotOwner } from "./container-slot.ts";
import { containersOf, type Instance } from "./container-view.ts";
import type { PodContext } from "./pod-context.ts";
import { ensureSandbox, type PodSandbox } from "./pod-sandbox.ts";
import { podStatus } from "./pod-status.ts";
import { deleteFromApi, makeSandbox, removeRemains, warn } from "./pod-surroundings.ts";
import { raiseBackoff } from "./restart-backoff.ts";
import { SharedProcesses } from "./shared-processes.ts";
import { StatusWriter } from "./status-writer.ts";
import { hasStorageLimits } from "./storage-limits.ts";
import { watchStorage } from "./storage-watch.ts";
import { unsupported } from "./unsupported.ts";
import { VolumeKeeper } from "./volume-keeper.ts";

/** A Pod that starts at once is first written as running; one that takes longer shows what it waits for. */
const firstStatusMs = 100;
/** The kubelet gives an evicted Pod no longer. */
const evictionGraceSec = 1;
const retryBackoff = { initialMs: 100, maxMs: 30_000 };

/** Why a Pod fails as a whole, e.g. "DeadlineExceeded". */
export interface Failure {
  readonly reason: string;
  readonly message: string;
}

export class PodWorker {
  readonly #context: PodContext;
  readonly #log: Log;
  readonly #slots: ContainerSlot[] = [];
  readonly #owner: () => SlotOwner;
  readonly #sharedProcesses: SharedProcesses;
  readonly #writer: StatusWriter;
  readonly #loop: Coalescer;
  readonly #close = new AbortController();
  #pod: Pod;
  #sandbox: PodSandbox | undefined;
  readonly #volumes: VolumeKeeper;
  #failure: Failure | undefined;
  #told = false;
  /** When all containers must be gone; set once the Pod is being deleted or has failed as a whole. */
  #deadlineMs: number | undefined;
  /** Its status has been written by this worker. */
  #shown = false;
  /** It is no more in the API: nothing is written. */
  #gone = false;
  /** No container will be started again and none runs. */
  #finished: boolean;
  #cancelWake: () => void = () => undefined;
  #wakeMs = Number.POSITIVE_INFINITY;
  readonly #onDone: () => void;

  /** `onDone` is called when nothing of the Pod is left on the node; `refusal` says why the node does not take the Pod. */
  constructor(
    context: PodContext,
    pod: Pod,
    { onDone, refusal }: { onDone: () => void; refusal?: Failure | undefined },
  ) {
    this.#context = context;
    this.#pod = pod;
    this.#onDone = onDone;
    const { namespace, name } = pod.metadata;
    this.#log = context.log.child({ pod: `${namespace}/${name}` });
    this.#finished = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
    this.#owner = () => ({
      context,
      pod: this.#pod,
      ip: this.#sandbox?.podIps[0] ?? pod.status?.podIP ?? context.config.nodeIps[0] ?? "",
      changed: () => this.#changed(),
    });
    this.#volumes = new VolumeKeeper({ context, facts: () => this.#facts, signal: this.#close.signal });
    this.#sharedProcesses = new SharedProcesses(context, pod);
    this.#takeContainers(pod);
    const compute = (known: Pod) => this.#status(known);
    const signal = AbortSignal.any([context.signal, this.#close.signal]);
    this.#writer = new StatusWriter(pod, { ...context, log: this.#log, signal, compute });
    this.#loop = coalesce({ run: () => this.#sync(), ...context, log: this.#log, signal, backoff: retryBackoff });
    this.#adopt();
    if (refusal && !this.#finished) this.#refuse(refusal);
    this.update(pod);
    if (!this.#finished) context.clock.after(firstStatusMs, () => this.#write());
    if (!this.#finished && hasStorageLimits(pod.spec)) void this.#watchStorage(signal);
  }

  async #watchStorage(signal: AbortSignal): Promise<void> {
    const { uid = "" } = this.#pod.metadata;
    const directory = join(this.#context.directories.disk, uid);
    const excess = await watchStorage({ ...this.#context, log: this.#log, spec: this.#pod.spec, directory, signal });
    if (excess === undefined || this.#finished || this.#failure) return;
    warn(this.#context, this.#pod, { reason: "Evicted", message: excess });
    this.#failure = { reason: "Evicted", message: excess };
    this.#end(evictionGraceSec);
    this.#changed();
  }

  /** The API server has a newer version of the Pod. */
  update(pod: Pod): void {
    this.#pod = pod;
    this.#writer.observe(pod);
    this.#takeContainers(pod);
    this.#volumes.podChanged();
    // Others write it too: the node controller, when it has not heard of this node for a while.
    if (this.#shown) this.#write();
    if (pod.metadata.deletionTimestamp) this.#end(pod.metadata.deletionGracePeriodSeconds ?? 0);
    this.#loop.trigger();
  }

  /** Ephemeral containers are added to a running Pod; the image of the others may change. */
  #takeContainers({ spec }: Pod): void {
    for (const { role, container } of containersOf(spec)) {
      const slot = this.#slots.find(({ name }) => name === container.name);
      if (slot) slot.container = container;
      else this.#slots.push(new ContainerSlot(role, container, this.#owner));
    }
  }

  /** It was deleted without waiting for this node. */
  removed(): void {
    this.#gone = true;
    this.#end(this.#pod.metadata.deletionGracePeriodSeconds ?? this.#pod.spec.terminationGracePeriodSeconds ?? 0);
    this.#loop.trigger();
  }

  /** The runtime has news of one of its containers. */
  containerChanged({ name }: ContainerInfo): void {
    this.#slots.find((slot) => slot.name === name)?.observe();
    this.#changed();
  }

  /** An image that was missing may be there now. */
  imagesChanged(): void {
    const missing = this.#slots.filter(({ waiting }) => /Image/.test(waiting?.reason ?? ""));
    for (const slot of missing) slot.retryAtMs = 0;
    if (missing.length > 0) this.#loop.trigger();
  }

  /** The newest start of a container, for logs and streams. */
  instanceOf(container: string): Instance | undefined {
    return this.#slots.find(({ name }) => name === container)?.current;
  }

  /** Undefined as long as it has none; `path` is undefined for the node's own. */
  get network(): { readonly path: string | undefined } | undefined {
    return this.#sandbox && { path: this.#sandbox.networkNamespace };
  }

  get pod(): Pod {
    return this.#writer.pod;
  }

  #refuse(refusal: Failure): void {
    this.#failure = refusal;
    this.#finished = true;
    warn(this.#context, this.#pod, refusal);
    this.#write();
  }

  #changed(): void {
    this.#write();
    this.#loop.trigger();
  }

  #write(): void {
    this.#shown = true;
    if (!this.#gone && !this.#close.signal.aborted) this.#writer.write();
  }

  #status(known: Pod): PodStatus {
    const { nodeIps } = this.#context.config;
    const terminal = known.status?.phase === "Succeeded" || known.status?.phase === "Failed";
    if (terminal && known.status && !this.#slots.some(({ current }) => current)) return known.status;
    return podStatus({
      pod: known,
      views: this.#slots.map(({ view }) => view),
      podIps: this.#sandbox?.podIps ?? [],
      hostIps: nodeIps,
      sandboxReady: this.#sandbox !== undefined && !this.#finished,
      finished: this.#finished,
      failure: this.#failure,
      nowMs: this.#context.clock.now(),
    });
  }

  /** Containers of a former agent; of a Pod that has none there is nothing to take over. */
  #adopt(): void {
    const { uid = "" } = this.#pod.metadata;
    const mine = this.#context.runtime.list().filter(({ podUid }) => podUid === uid);
    try {
      if (mine.length > 0 && !this.#finished) this.#sandbox = ensureSandbox(this.#context, this.#pod);
    } catch (error) {
      this.#log.warn("sandbox cannot be taken over", { error });
    }
    for (const slot of this.#slots) slot.adopt(mine.filter(({ name }) => name === slot.name));
  }

  #end(graceSeconds: number): void {
    const deadlineMs = this.#context.clock.now() + graceSeconds * 1000;
    if (this.#deadlineMs === undefined) for (const slot of this.#slots) slot.keepOnlyReadiness();
    this.#deadlineMs = Math.min(deadlineMs, this.#deadlineMs ?? deadlineMs);
  }

  async #sync(): Promise<void> {
    this.#cancelWake();
    this.#wakeMs = Number.POSITIVE_INFINITY;
    this.#checkDeadline();
    if (this.#deadlineMs !== undefined) return this.#terminate(this.#deadlineMs);
    if (this.#finished) return this.#release();
    if (!this.#sandbox) this.#tellUnsupported();
    this.#sandbox ??= await makeSandbox(this.#context, this.#pod);
    const volumes = await this.#volumes.paths();
    if (this.#pod.spec.shareProcessNamespace) await this.#sharedProcesses.ensure(this.#sandbox);
    await this.#run(this.#sandbox, volumes);
  }

  #tellUnsupported(): void {
    if (this.#told) return;
    this.#told = true;
    for (const message of unsupported(this.#pod, this.#context.abilities)) {
      warn(this.#context, this.#pod, { reason: "NotSupported", message });
    }
  }

  /** core/v1 PodSpec.activeDeadlineSeconds. */
  #checkDeadline(): void {
    const { activeDeadlineSeconds, terminationGracePeriodSeconds = 30 } = this.#pod.spec;
    const { startTime } = this.#writer.pod.status ?? {};
    if (activeDeadlineSeconds === undefined || !startTime || this.#finished || this.#failure) return;
    const endMs = Date.parse(startTime) + activeDeadlineSeconds * 1000;
    if (this.#context.clock.now() < endMs) {
      this.#wakeAt(endMs);
      return;
    }
    const message = "Pod was active on the node longer than the specified deadline";
    this.#failure = { reason: "DeadlineExceeded", message };
    this.#end(terminationGracePeriodSeconds);
  }

  get #facts(): PodFacts {
    const { config, allocatable } = this.#context;
    return { pod: this.#pod, podIps: this.#sandbox?.podIps ?? [], hostIps: config.nodeIps, allocatable };
  }

  async #run(sandbox: PodSandbox, volumes: ReadonlyMap<string, string>): Promise<void> {
    const nowMs = this.#context.clock.now();
    const { restartPolicy = "Always" } = this.#pod.spec;
    const backoffs = new Map(this.#slots.flatMap(({ name, backoff }) => (backoff ? [[name, backoff] as const] : [])));
    for (const slot of this.#slots) slot.stopIfReplaced();
    const plan = planContainers({ views: this.#slots.map(({ view }) => view), restartPolicy, backoffs, nowMs });
    for (const { name, untilMs, delayMs } of plan.wait) this.#showBackoff(name, untilMs, delayMs);
    await Promise.all(plan.start.map(({ name, attempt }) => this.#start(name, attempt, { sandbox, volumes })));
    if (plan.ended) return this.#terminate(nowMs + (this.#pod.spec.terminationGracePeriodSeconds ?? 30) * 1000);
    if (plan.start.length > 0 || plan.wait.length > 0) this.#changedAfterStart(plan.start.length > 0);
  }

  #changedAfterStart(started: boolean): void {
    this.#write();
    // The next init container, or another look at one that has ended at once.
    if (started && this.#slots.some(({ current }) => current?.state.kind === "exited")) this.#loop.trigger();
  }

  async #start(
    name: string,
    planned: number,
    { sandbox, volumes }: { sandbox: PodSandbox; volumes: ReadonlyMap<string, string> },
  ): Promise<void> {
    const slot = this.#slots.find((candidate) => candidate.name === name);
    if (!slot) return;
    const nowMs = this.#context.clock.now();
    if (slot.retryAtMs > nowMs) return this.#wakeAt(slot.retryAtMs);
    const { current } = slot;
    const finishedAtMs = current?.state.kind === "exited" ? current.state.finishedAtMs : undefined;
    const pidOwner = this.#pidOwner(slot.container);
    const inputs = { pod: this.#pod, container: slot.container, sandbox, volumes, facts: this.#facts, pidOwner };
    await launchContainer(this.#context, slot, { ...inputs, attempt: slot.attemptOf(planned) });
    if (slot.waiting) this.#wakeAt(slot.retryAtMs);
    else if (finishedAtMs !== undefined) slot.backoff = raiseBackoff(slot.backoff, finishedAtMs);
    slot.observe();
  }

  /** The container whose processes this one sees. */
  #pidOwner({ targetContainerName }: { targetContainerName?: string }): string | undefined {
    if (this.#sharedProcesses.id !== undefined) return this.#sharedProcesses.id;
    return this.#slots.find(({ name }) => name === targetContainerName)?.info?.id;
  }

  #showBackoff(name: string, untilMs: number, delayMs: number): void {
    const slot = this.#slots.find((candidate) => candidate.name === name);
    this.#wakeAt(untilMs);
    if (!slot || slot.waiting?.reason === "CrashLoopBackOff") return;
    const { uid, name: podName, namespace } = this.#pod.metadata;
    const id = `${podName}_${namespace}(${uid})`;
    const message = `back-off ${formatSeconds(delayMs)} restarting failed container=${name} pod=${id}`;
    slot.waiting = { reason: "CrashLoopBackOff", message };
    warn(this.#context, this.#pod, {
      reason: "BackOff",
      message: `Back-off restarting failed container ${name} in pod ${id}`,
    });
  }

  /** Called again after every change until nothing runs. */
  async #terminate(deadlineMs: number): Promise<void> {
    const running = this.#slots.filter((slot) => slot.running);
    const others = running.filter(({ role }) => role !== "sidecar");
    // Sidecars serve the others to the end, and end in the reverse order of their start.
    const late = deadlineMs <= this.#context.clock.now();
    const next = late ? running : others.length > 0 ? others : running.slice(-1);
    for (const slot of next) slot.stop(deadlineMs, `Stopping container ${slot.name}`);
    if (running.length > next.length) this.#wakeAt(deadlineMs);
    if (running.length > 0) return;
    this.#finished = true;
    this.#write();
    await this.#sharedProcesses.end();
    await this.#release();
    if (this.#gone || this.#pod.metadata.deletionTimestamp) await this.#remove();
  }

  /** A Pod that has ended gives its address back; its logs stay until it is deleted. */
  async #release(): Promise<void> {
    const { network, ipc, runtime } = this.#context;
    const { uid = "" } = this.#pod.metadata;
    await runtime.endPod?.(uid, { forget: false });
    network.remove(uid);
    ipc.remove(uid);
  }

  async #remove(): Promise<void> {
    await this.#writer.flush();
    await removeRemains(this.#context, this.#pod.metadata.uid ?? "");
    if (!this.#gone) await deleteFromApi(this.#context, this.#pod);
    this.close();
    this.#onDone();
  }

  /** Stops watching the Pod; its containers go on. */
  close(): void {
    this.#cancelWake();
    for (const slot of this.#slots) slot.close();
    this.#close.abort();
  }

  /** Of several times the nearest counts; each pass asks anew for those that still matter. */
  #wakeAt(timeMs: number): void {
    const { clock } = this.#context;
    if (timeMs >= this.#wakeMs) return;
    this.#wakeMs = timeMs;
    this.#cancelWake();
    this.#cancelWake = clock.after(Math.max(0, timeMs - clock.now()), () => this.#loop.trigger());
  }
}

/** As Go writes durations: "10s", "2m40s". */
function formatSeconds(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  return minutes > 0 ? `${minutes}m${rest}s` : `${rest}s`;
}
