/** Gathers writes while a group is on its way to the disk and makes them durable together, in order. */
import type { FileRecord } from "./frame.ts";
import type { Journal } from "./journal.ts";

/** One write in a group: its record, and what to do when it is durable or has failed. */
export interface Write {
  readonly record: FileRecord;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const maxGroupWrites = 4096;
const maxGroupBytes = 8 * 1024 * 1024;

/**
 * `onDurable` applies a group before its writes resolve. When a group fails, it and all that waits behind it are
 * rejected (later writes were checked against earlier ones), after `onFailed` has undone what they left.
 */
export class GroupCommit<W extends Write> {
  readonly #journal: Journal;
  readonly #onDurable: (writes: readonly W[]) => number;
  readonly #onFailed: (error: unknown) => unknown;
  #queue: W[] = [];
  #running: Promise<void> | undefined;

  constructor(
    journal: Journal,
    on: {
      /** Returns the store's revision after it. */
      durable: (writes: readonly W[]) => number;
      /** Returns what to reject with. */
      failed: (error: unknown) => unknown;
    },
  ) {
    this.#journal = journal;
    this.#onDurable = on.durable;
    this.#onFailed = on.failed;
  }

  add(write: W): void {
    this.#queue.push(write);
    this.#running ??= this.#run();
  }

  /** Resolves when nothing is in flight. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    // After the poll phase: requests that arrived in the same turn share one.
    for (await nextTurn(); this.#queue.length > 0; await nextTurn()) {
      const group = this.#take();
      try {
        await this.#journal.append(group.map((write) => write.record));
      } catch (cause) {
        this.#fail(group, cause);
        continue;
      }
      const revision = this.#onDurable(group);
      for (const write of group) write.resolve();
      await this.#journal.maintain(revision);
    }
    // In the same turn as the look at the queue: a write that comes later must start a new run.
    this.#running = undefined;
  }

  #take(): W[] {
    let bytes = 0;
    let count = 0;
    for (const { record } of this.#queue) {
      bytes += record.value.length;
      if (count > 0 && (count === maxGroupWrites || bytes > maxGroupBytes)) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  #fail(group: readonly W[], cause: unknown): void {
    const failed = [...group, ...this.#queue];
    this.#queue = [];
    const error = this.#onFailed(cause);
    for (const write of failed) write.reject(error);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
