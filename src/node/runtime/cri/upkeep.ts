/** What is done again and again for containers that run: containerd 1.6 sends no events over CRI, and rotates no logs. */
import type { Log } from "../../../lib/log.ts";
import type { Container, Containers } from "./containers.ts";
import { rotateLog } from "./log-rotation.ts";

const relistMs = 500;
const rotationMs = 10_000;

export interface UpkeepOptions {
  readonly containers: Containers;
  /** Those that run in containerd, by its names. */
  readonly list: () => Promise<ReadonlySet<string>>;
  /** Asks how one is that runs no more. */
  readonly refresh: (container: Container) => Promise<void>;
  readonly reopenLog: (foreignId: string) => Promise<unknown>;
  readonly log: Log;
}

export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #timers: readonly NodeJS.Timeout[];
  #relisting = false;
  #closed = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#timers = [
      setInterval(() => void this.#relist(), relistMs).unref(),
      setInterval(() => this.#rotate(), rotationMs).unref(),
    ];
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** One at a time: containerd may be slow. */
  async #relist(): Promise<void> {
    if (this.#relisting) return;
    this.#relisting = true;
    try {
      await this.#compare();
    } catch (error) {
      if (!this.#closed) this.#options.log.debug("containerd does not answer", { error });
    } finally {
      this.#relisting = false;
    }
  }

  async #compare(): Promise<void> {
    const { containers, list, refresh } = this.#options;
    const running = containers.running();
    if (running.length === 0) return;
    const there = await list();
    await Promise.all(running.filter(({ foreignId = "" }) => !there.has(foreignId)).map(refresh));
  }

  #rotate(): void {
    const { containers, reopenLog, log } = this.#options;
    for (const { record, foreignId } of containers.running()) {
      if (foreignId === undefined) continue;
      void rotateLog(record.logFile, () => reopenLog(foreignId)).catch((error: unknown) =>
        log.warn("a log was not rotated", { error }),
      );
    }
  }
}
