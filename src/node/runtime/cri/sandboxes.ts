/** The sandboxes of this node's Pods: one each, made with its first container. */
import type { ContainerSpec } from "../container-runtime.ts";
import { type CriClient, isGone } from "./client.ts";
import { type Place, type SandboxConfig, sandboxOf } from "./config.ts";
import { sandboxReady } from "./messages.ts";
import { ownerLabels } from "./record.ts";

export interface Sandbox {
  readonly id: string;
  readonly config: SandboxConfig;
}

export class Sandboxes {
  readonly #client: CriClient;
  readonly #place: Place;
  /** What was last asked for, by the Pods' uids. */
  readonly #last = new Map<string, Promise<Sandbox>>();

  constructor(client: CriClient, place: Place) {
    this.#client = client;
    this.#place = place;
  }

  /** The Pod's that runs, made when there is none: containerd is asked each time, as somebody else may have ended it. */
  async ensure(spec: ContainerSpec): Promise<Sandbox> {
    const before = this.#last.get(spec.podUid)?.catch(() => undefined);
    // One after the other: containers that start at once share what the first has made.
    const mine = Promise.resolve(before).then(() => this.#find(spec));
    this.#last.set(spec.podUid, mine);
    return mine;
  }

  async #find(spec: ContainerSpec): Promise<Sandbox> {
    const all = await this.#list(spec.podUid);
    const ready = all.find(({ state }) => state === sandboxReady);
    if (ready) return { id: ready.id, config: sandboxOf(spec, this.#place, ready.metadata?.attempt ?? 0) };
    const attempt = Math.max(-1, ...all.map(({ metadata }) => metadata?.attempt ?? 0)) + 1;
    const config = sandboxOf(spec, this.#place, attempt);
    const { podSandboxId } = await this.#client.call("runPodSandbox", { config });
    return { id: podSandboxId, config };
  }

  /** `forget` also removes its containers, and what a former agent made. */
  async end(podUid: string, { forget }: { readonly forget: boolean }): Promise<void> {
    await this.#last.get(podUid)?.catch(() => undefined);
    this.#last.delete(podUid);
    for (const { id } of await this.#list(podUid)) await endSandbox(this.#client, id, forget);
  }

  /** Uids of all Pods that have one. */
  async pods(): Promise<readonly string[]> {
    return [...new Set((await this.#list()).map(({ metadata }) => metadata?.uid ?? ""))];
  }

  async #list(podUid?: string) {
    const labelSelector = {
      ...ownerLabels(this.#place),
      ...(podUid !== undefined && { "io.kubernetes.pod.uid": podUid }),
    };
    return (await this.#client.call("listPodSandbox", { filter: { labelSelector } })).items;
  }
}

async function endSandbox(client: CriClient, podSandboxId: string, forget: boolean): Promise<void> {
  try {
    await client.call("stopPodSandbox", { podSandboxId });
    if (forget) await client.call("removePodSandbox", { podSandboxId });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** All of a cluster, when it has ended. */
export async function removeClusterSandboxes(client: CriClient, cluster: string): Promise<void> {
  const labelSelector = { "fairlead.dev/cluster": cluster };
  const { items } = await client.call("listPodSandbox", { filter: { labelSelector } });
  // At once: each takes its containers' time to end, and the cluster's end is waited for.
  await Promise.all(items.map(({ id }) => endSandbox(client, id, true)));
}
