/** Writes one Pod's status: one write at a time, each of the newest state, without waiting for the watch. */
import { isDeepStrictEqual } from "node:util";
import type { PodStatus } from "kubernetes-types/core/v1";
import type { Pod } from "../../api/object.ts";
import { pods } from "../../api/resource.ts";
import { type ApiClient, isConflict, isNotFound } from "../../client/client.ts";
import { createBackoff } from "../../lib/backoff.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";

export interface StatusWriterOptions {
  /** The status that is wanted now, given the Pod as the API server has it. */
  readonly compute: (pod: Pod) => PodStatus;
  readonly client: ApiClient;
  readonly log: Log;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export class StatusWriter {
  readonly #options: StatusWriterOptions;
  /** As the API server has it, as far as known. */
  #known: Pod;
  #wanted = false;
  #writing: Promise<void> | undefined;
  readonly #backoff = createBackoff({ initialMs: 20, maxMs: 5_000 });

  constructor(pod: Pod, options: StatusWriterOptions) {
    this.#known = pod;
    this.#options = options;
  }

  /** The Pod with the status that was written last. */
  get pod(): Pod {
    return this.#known;
  }

  /** The watch brought this; it may be older than what was written. */
  observe(pod: Pod): void {
    if (!this.#writing && isNewer(pod, this.#known)) this.#known = pod;
  }

  /** What `compute` gives is to be written, unless it is there already. */
  write(): void {
    this.#wanted = true;
    this.#writing ??= this.#run();
  }

  /** Resolves when nothing is left to be written. */
  async flush(): Promise<void> {
    await this.#writing;
  }

  async #run(): Promise<void> {
    // What else happens in this turn goes into the same write.
    await Promise.resolve();
    while (this.#wanted && !this.#options.signal.aborted) {
      this.#wanted = false;
      try {
        await this.#put(this.#options.compute(this.#known));
        this.#backoff.reset();
      } catch (error) {
        this.#wanted = true;
        await this.#recover(error);
      }
    }
    this.#writing = undefined;
  }

  async #put(status: PodStatus): Promise<void> {
    if (isDeepStrictEqual(this.#known.status, status)) return;
    this.#known = await this.#options.client.update(pods, { ...this.#known, status }, { subresource: "status" });
  }

  /** Somebody else has written the Pod: what is ours is put on top of theirs. */
  async #recover(error: unknown): Promise<void> {
    const { client, clock, log } = this.#options;
    const { name, namespace, uid } = this.#known.metadata;
    try {
      if (!isConflict(error)) throw error;
      const present = await client.get(pods, name, namespace);
      // Another Pod of the same name.
      if (present.metadata.uid !== uid) this.#wanted = false;
      else this.#known = present;
    } catch (problem) {
      if (isNotFound(problem)) {
        this.#wanted = false;
        return;
      }
      const retryInMs = this.#backoff.next();
      log.warn("status of a Pod could not be written", { pod: `${namespace}/${name}`, error: problem, retryInMs });
      await new Promise<void>((resolve) => clock.after(retryInMs, resolve));
    }
  }
}

function isNewer(one: Pod, other: Pod): boolean {
  const [a = "", b = ""] = [one.metadata.resourceVersion, other.metadata.resourceVersion];
  return a.length === b.length ? a > b : a.length > b.length;
}
