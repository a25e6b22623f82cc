/** The Pods of this node: one worker each, from the watch; and what no Pod owns any more is removed. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { portsConflict } from "../api/host-ports.ts";
import type { Pod } from "../api/object.ts";
import type { Change, Informer } from "../client/client.ts";
import type { PodContext } from "./pod/pod-context.ts";
import { logPath } from "./pod/pod-paths.ts";
import { removeDirectory } from "./pod/pod-surroundings.ts";
import { forbiddenSysctl } from "./pod/pod-sysctls.ts";
import { type Failure, PodWorker } from "./pod/pod-worker.ts";
import type { ContainerLog, ServerOptions } from "./server/server.ts";
import type { Refusal, StreamTargets } from "./streams/upgrade.ts";

const notHere = (namespace: string, pod: string): Refusal => ({
  status: 404,
  message: `pod "${namespace}/${pod}" does not run on this node`,
});

export class PodRegistry {
  readonly #context: PodContext;
  readonly #workers = new Map<string, PodWorker>();
  readonly #ignoreImages: () => void;

  constructor(context: PodContext) {
    this.#context = context;
    context.runtime.onChange((container) => this.#workers.get(container.podUid)?.containerChanged(container));
    this.#ignoreImages = context.images.onChange(() => {
      for (const worker of this.#workers.values()) worker.imagesChanged();
    });
  }

  /** Call it when the informer holds its first list. */
  async begin(informer: Informer<Pod>): Promise<void> {
    await this.#removeLeftovers(new Set([...informer.list()].map(({ metadata }) => metadata.uid ?? "")));
    informer.onChange((change) => this.#apply(change));
  }

  pods(): Iterable<Pod> {
    return [...this.#workers.values()].map(({ pod }) => pod);
  }

  readonly findLog: ServerOptions["findLog"] = ({ namespace, pod, container, previous }) => {
    const worker = this.#find(namespace, pod);
    const { uid } = worker?.pod.metadata ?? {};
    if (!worker || uid === undefined) return notHere(namespace, pod);
    return this.#logOf({ worker, uid, pod, container, previous });
  };

  readonly targets: StreamTargets = {
    container: ({ namespace, pod, container }) => {
      const worker = this.#find(namespace, pod);
      if (!worker) return notHere(namespace, pod);
      const id = worker.instanceOf(container)?.id;
      const info = id === undefined ? undefined : this.#context.runtime.get(id);
      // Of one that has ended, only output that somebody was to read is kept.
      const there = info && (info.state.kind === "running" || info.input !== undefined);
      return there ? info : { status: 404, message: `container not found ("${container}")` };
    },
    network: ({ namespace, pod }) => this.#find(namespace, pod)?.network ?? notHere(namespace, pod),
  };

  close(): void {
    this.#ignoreImages();
    for (const worker of this.#workers.values()) worker.close();
  }

  #find(namespace: string, name: string): PodWorker | undefined {
    return [...this.#workers.values()].find(
      ({ pod: { metadata } }) => metadata.name === name && metadata.namespace === namespace,
    );
  }

  #logOf(target: {
    worker: PodWorker;
    uid: string;
    pod: string;
    container: string;
    previous: boolean;
  }): ContainerLog | { status: number; message: string } {
    const { worker, uid, pod, container, previous } = target;
    const newest = worker.instanceOf(container)?.attempt;
    if (newest === undefined)
      return { status: 400, message: `container "${container}" in pod "${pod}" is waiting to start` };
    const attempt = previous ? newest - 1 : newest;
    if (attempt < 0)
      return { status: 400, message: `previous terminated container "${container}" in pod "${pod}" not found` };
    const { runtime, directories } = this.#context;
    const running = () =>
      runtime
        .list()
        .some(
          (info) =>
            info.podUid === uid && info.name === container && info.attempt === attempt && info.state.kind !== "exited",
        );
    return {
      path: logPath(directories, { uid, container, attempt }),
      running,
      onChange: (listener) => runtime.onChange(listener),
    };
  }

  #apply({ type, object }: Change<Pod>): void {
    const { uid = "" } = object.metadata;
    const worker = this.#workers.get(uid);
    if (type === "deleted") worker?.removed();
    else if (worker) worker.update(object);
    else {
      const refusal = this.#refusalOf(object);
      const onDone = () => void this.#workers.delete(uid);
      this.#workers.set(uid, new PodWorker(this.#context, object, { onDone, refusal }));
    }
  }

  /** What this node cannot give: a Pod that names its node itself was seen by no scheduler. One that runs already stays. */
  #refusalOf(pod: Pod): Failure | undefined {
    const { uid } = pod.metadata;
    const runs = this.#context.runtime.list().some(({ podUid }) => podUid === uid);
    const active = [...this.pods()].filter(({ status }) => status?.phase !== "Succeeded" && status?.phase !== "Failed");
    if (runs) return undefined;
    const sysctl = forbiddenSysctl(pod);
    if (sysctl !== undefined) {
      return { reason: "SysctlForbidden", message: `Pod was rejected: forbidden sysctl: "${sysctl}" not allowlisted` };
    }
    if (!portsConflict(pod, active)) return undefined;
    const text = "node(s) didn't have free ports for the requested pod ports";
    return { reason: "NodePorts", message: `Pod was rejected: Predicate NodePorts failed: ${text}` };
  }

  async #removeLeftovers(wanted: ReadonlySet<string>): Promise<void> {
    const { runtime, network, ipc, directories, log } = this.#context;
    const leftovers = runtime.list().filter(({ podUid }) => !wanted.has(podUid));
    for (const { id, podUid, name } of leftovers) {
      log.info("leftover container removed", { container: name, podUid });
      await runtime.remove(id);
    }
    for (const podUid of new Set(leftovers.map((one) => one.podUid))) await runtime.endPod?.(podUid, { forget: true });
    for (const { podUid } of network.list()) if (!wanted.has(podUid)) network.remove(podUid);
    for (const podUid of ipc.list()) if (!wanted.has(podUid)) ipc.remove(podUid);
    for (const directory of [directories.memory, directories.disk]) {
      for (const uid of readdirSync(directory)) if (!wanted.has(uid)) removeDirectory(join(directory, uid));
    }
  }
}
