/** Gathers writes while a group is on its way to the disk and makes them durable together, in order. */
import type { FileRecord } from "./frame.ts";
import type { Journal } from "./journal.ts";

/** One write in a group: its record, and what to do when it is durable or has failed. */
export interface Write {
  readonly record: FileRecord;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A group on its way to the disk. */
interface Flight<W> {
  readonly group: readonly W[];
  readonly written: Promise<void>;
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
    await nextTurn();
    for (let flight = this.#start(); flight; ) {
      const next: Flight<W> | undefined = await this.#land(flight);
      if (!next) await nextTurn();
      flight = next ?? this.#start();
    }
    // In the same turn as the look at the queue: a write that comes later must start a new run.
    this.#running = undefined;
  }

  /** Sends what waits on its way to the disk. */
  #start(): Flight<W> | undefined {
    if (this.#queue.length === 0) return undefined;
    const group = this.#take();
    return { group, written: this.#journal.append(group.map((write) => write.record)) };
  }

  /** Returns the next group if it is on its way before the readers of this one are told, which takes longer than most flushes. */
  async #land({ group, written }: Flight<W>): Promise<Flight<W> | undefined> {
    try {
      await written;
    } catch (cause) {
      this.#fail(group, cause);
      return undefined;
    }
    const next = this.#journal.due ? undefined : this.#start();
    const revision = this.#onDurable(group);
    for (const write of group) write.resolve();
    if (!next) await this.#journal.maintain(revision);
    return next;
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
