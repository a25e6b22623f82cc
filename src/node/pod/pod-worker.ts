/** Brings one Pod to life, keeps it so, and ends it. All decisions are made elsewhere; here is their order. */
import { join } from "node:path";
import type { PodStatus } from "kubernetes-types/core/v1";
import type { Pod } from "../../api/object.ts";
import { type Coalescer, coalesce } from "../../lib/coalesce.ts";
import type { Log } from "../../lib/log.ts";
import type { PodFacts } from "../environment/field-ref.ts";
import type { ContainerInfo } from "../runtime/container-runtime.ts";
import { activeDeadlineMs, deadlineExceeded } from "./active-deadline.ts";
import type { Instance } from "./container-view.ts";
import { NearestWake } from "./nearest-wake.ts";
import { PodContainers } from "./pod-containers.ts";
import type { PodContext } from "./pod-context.ts";
import { ensureSandbox, type PodSandbox } from "./pod-sandbox.ts";
import { podStatus } from "./pod-status.ts";
import { deleteFromApi, makeSandbox, removeRemains, warn } from "./pod-surroundings.ts";
import { SharedProcesses } from "./shared-processes.ts";
import { startDue } from "./start-due.ts";
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
  readonly #containers: PodContainers;
  readonly #wake: NearestWake;
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
    this.#wake = new NearestWake(context.clock, () => this.#loop.trigger());
    this.#containers = new PodContainers(() => ({
      context,
      pod: this.#pod,
      ip: this.#sandbox?.podIps[0] ?? pod.status?.podIP ?? context.config.nodeIps[0] ?? "",
      changed: () => this.#changed(),
    }));
    this.#volumes = new VolumeKeeper({ context, facts: () => this.#facts, signal: this.#close.signal });
    this.#sharedProcesses = new SharedProcesses(context, pod);
    this.#containers.take(pod);
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
    this.#containers.take(pod);
    this.#volumes.podChanged();
    // Others write it too: the node controller, when it has not heard of this node for a while.
    if (this.#shown) this.#write();
    if (pod.metadata.deletionTimestamp) this.#end(pod.metadata.deletionGracePeriodSeconds ?? 0);
    this.#loop.trigger();
  }

  /** It was deleted without waiting for this node. */
  removed(): void {
    this.#gone = true;
    this.#end(this.#pod.metadata.deletionGracePeriodSeconds ?? this.#pod.spec.terminationGracePeriodSeconds ?? 0);
    this.#loop.trigger();
  }

  /** The runtime has news of one of its containers. */
  containerChanged({ name }: ContainerInfo): void {
    this.#containers.find(name)?.observe();
    this.#changed();
  }

  /** An image that was missing may be there now. */
  imagesChanged(): void {
    if (this.#containers.retryImages()) this.#loop.trigger();
  }

  /** The newest start of a container, for logs and streams. */
  instanceOf(container: string): Instance | undefined {
    return this.#containers.find(container)?.current;
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
    if (terminal && known.status && !this.#containers.begun) return known.status;
    return podStatus({
      pod: known,
      views: this.#containers.views,
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
    this.#containers.adopt(mine);
  }

  #end(graceSeconds: number): void {
    const deadlineMs = this.#context.clock.now() + graceSeconds * 1000;
    if (this.#deadlineMs === undefined) this.#containers.keepOnlyReadiness();
    this.#deadlineMs = Math.min(deadlineMs, this.#deadlineMs ?? deadlineMs);
  }

  async #sync(): Promise<void> {
    this.#wake.clear();
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

  #checkDeadline(): void {
    const { spec } = this.#pod;
    const endMs = activeDeadlineMs(spec, this.#writer.pod.status?.startTime);
    if (endMs === undefined || this.#finished || this.#failure) return;
    if (this.#context.clock.now() < endMs) {
      this.#wake.at(endMs);
      return;
    }
    this.#failure = deadlineExceeded;
    this.#end(spec.terminationGracePeriodSeconds ?? 30);
  }

  get #facts(): PodFacts {
    const { config, allocatable } = this.#context;
    return { pod: this.#pod, podIps: this.#sandbox?.podIps ?? [], hostIps: config.nodeIps, allocatable };
  }

  async #run(sandbox: PodSandbox, volumes: ReadonlyMap<string, string>): Promise<void> {
    const nowMs = this.#context.clock.now();
    const { start, wait, ended } = await startDue({
      ...{ context: this.#context, containers: this.#containers, wake: this.#wake },
      ...{ pod: this.#pod, facts: this.#facts, sandbox, volumes, sharedProcesses: this.#sharedProcesses.id },
    });
    if (ended) return this.#terminate(nowMs + (this.#pod.spec.terminationGracePeriodSeconds ?? 30) * 1000);
    if (start.length > 0 || wait.length > 0) this.#write();
    // The next init container, or another look at one that has ended at once.
    if (start.length > 0 && this.#containers.someEnded) this.#loop.trigger();
  }

  /** Called again after every change until nothing runs. */
  async #terminate(deadlineMs: number): Promise<void> {
    const late = deadlineMs <= this.#context.clock.now();
    const left = this.#containers.stop(deadlineMs, { late });
    if (left === "some wait") this.#wake.at(deadlineMs);
    if (left !== "gone") return;
    this.#finished = true;
    this.#write();
    await this.#sharedProcesses.end();
    await this.#writer.flush();
    if (this.#gone || this.#pod.metadata.deletionTimestamp) await this.#remove();
    else await this.#release();
  }

  /** A Pod that has ended gives its address back; its logs stay until it is deleted. */
  async #release(): Promise<void> {
    await this.#context.runtime.endPod?.(this.#pod.metadata.uid ?? "", { forget: false });
    this.#releaseAddress();
  }

  /** Only once the API knows of the end: while the address is still an endpoint, a client must be refused, not left waiting. */
  #releaseAddress(): void {
    const { uid = "" } = this.#pod.metadata;
    this.#context.network.remove(uid);
    this.#context.ipc.remove(uid);
  }

  async #remove(): Promise<void> {
    await removeRemains(this.#context, this.#pod.metadata.uid ?? "");
    if (!this.#gone) await deleteFromApi(this.#context, this.#pod);
    this.#releaseAddress();
    this.close();
    this.#onDone();
  }

  /** Stops watching the Pod; its containers go on. */
  close(): void {
    this.#wake.clear();
    this.#containers.close();
    this.#close.abort();
  }
}
