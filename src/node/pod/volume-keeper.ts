/** A Pod's volumes: made before its first container, and kept as the API has their sources. */
import { type Coalescer, coalesce } from "../../lib/coalesce.ts";
import type { ConfigSource } from "../environment/environment.ts";
import type { PodFacts } from "../environment/field-ref.ts";
import { changingVolumes, makeVolumes, VolumeError } from "../volumes/pod-volumes.ts";
import { renewTokens, requestTokens, type Token, tokenSources } from "../volumes/service-account-token.ts";
import { volumeReferences } from "../volumes/volume-files.ts";
import { readConfigSource } from "./api-objects.ts";
import type { Following } from "./config-watches.ts";
import type { PodContext } from "./pod-context.ts";
import { volumeDirectories } from "./pod-paths.ts";

export interface VolumeKeeperOptions {
  readonly context: PodContext;
  readonly facts: () => PodFacts;
  /** Ends it: the volumes stay as they are. */
  readonly signal: AbortSignal;
}

const refreshBackoff = { initialMs: 1_000, maxMs: 60_000 };

export class VolumeKeeper {
  readonly #options: VolumeKeeperOptions;
  readonly #written = new Map<string, string>();
  readonly #tokens = new Map<string, Token>();
  readonly #refresh: Coalescer;
  #paths: ReadonlyMap<string, string> | undefined;
  #following: Following | undefined;

  constructor(options: VolumeKeeperOptions) {
    this.#options = options;
    const { context, signal } = options;
    this.#refresh = coalesce({ run: () => this.#rewrite(), ...context, signal, backoff: refreshBackoff });
    signal.addEventListener("abort", () => this.#following?.close(), { once: true });
  }

  /** Paths by the volumes' names, made at the first call; throws with one sentence, which is an Event too. */
  async paths(): Promise<ReadonlyMap<string, string>> {
    if (this.#paths) return this.#paths;
    const { context, facts } = this.#options;
    const { metadata, spec } = facts().pod;
    const { volumes = [] } = spec;
    try {
      const references = volumeReferences(volumes);
      const [source] = await Promise.all([
        readConfigSource(context.client, references, metadata.namespace ?? "default"),
        this.#requestTokens(),
      ]);
      this.#paths = await this.#make(source);
      if (changingVolumes(volumes).length > 0) this.#follow(references);
      return this.#paths;
    } catch (error) {
      this.#warn(error);
      throw error;
    }
  }

  /** The Pod is another: its labels, perhaps. */
  podChanged(): void {
    if (this.#following) this.#refresh.trigger();
  }

  #follow(references: ReturnType<typeof volumeReferences>): void {
    const { context, facts, signal } = this.#options;
    if (signal.aborted) return;
    const { namespace = "default" } = facts().pod.metadata;
    this.#following = context.configWatches.follow(references, namespace, () => this.#refresh.trigger());
    const replace = async (key: string, token: Token) => {
      this.#tokens.set(key, token);
      this.#refresh.trigger();
    };
    renewTokens({ ...context, signal, replace }, facts().pod, this.#tokens);
  }

  async #rewrite(): Promise<void> {
    await this.#following?.synced;
    const source = this.#following?.source;
    if (!source || this.#options.signal.aborted) return;
    try {
      await this.#make(source);
    } catch (error) {
      // What is there stays: a ConfigMap may be gone while its Pods go on.
      this.#warn(error);
    }
  }

  #make(sources: ConfigSource): Promise<ReadonlyMap<string, string>> {
    const { context, facts } = this.#options;
    const { metadata, spec } = facts().pod;
    const { volumes = [], securityContext } = spec;
    return makeVolumes(this.#paths ? changingVolumes(volumes) : volumes, {
      directories: volumeDirectories(context.directories, metadata.uid ?? ""),
      inputs: { facts: facts(), sources, tokens: this.#tokens },
      group: context.otherUsers ? securityContext?.fsGroup : undefined,
      mountMemory: context.mountMemory,
      written: this.#written,
    });
  }

  async #requestTokens(): Promise<void> {
    const { context, facts } = this.#options;
    const { pod } = facts();
    const { volumes = [] } = pod.spec;
    try {
      for (const [key, token] of await requestTokens(context, pod, volumes)) this.#tokens.set(key, token);
    } catch (error) {
      const [first] = tokenSources(volumes);
      throw new VolumeError(first?.volume ?? "", `failed to fetch token: ${(error as Error).message}`);
    }
  }

  #warn(error: unknown): void {
    const { context, facts } = this.#options;
    const name = error instanceof VolumeError ? error.volume : "";
    const text = error instanceof Error ? error.message : String(error);
    const message = `MountVolume.SetUp failed for volume "${name}" : ${text}`;
    context.recorder.record(facts().pod, { type: "Warning", reason: "FailedMount", message });
  }
}
