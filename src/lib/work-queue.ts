/** A queue of keys: each key is worked on by one worker at a time, and is queued at most once. */
import { type BackoffOptions, backoffMs } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

/** What a reconcile may return: ask to be called again later, though nothing changed. */
export interface Again {
  readonly afterMs: number;
}

export interface WorkQueueOptions {
  /** Brings the world of one key to its desired state; a throw or rejection means "again, after a back-off". */
  readonly reconcile: (key: string) => Promise<void> | Promise<Again | undefined>;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the queue: no reconcile is started afterwards. */
  readonly signal: AbortSignal;
  /** Keys worked on at once; default 5. */
  readonly concurrency?: number;
  /** Wait after failures of a key; default 5 ms doubling to 30 s, which is that of expected ones too. */
  readonly backoff?: BackoffOptions;
  /** True for a failure of the normal course (a write conflict): it is retried, and logged at debug level only. */
  readonly isExpected?: (error: unknown) => boolean;
}

export interface WorkQueue {
  /** Queues the key, at once; during its reconcile it is queued again afterwards. */
  add(key: string): void;
  /** Queues the key after `delayMs`; the earliest of several calls counts. */
  addAfter(key: string, delayMs: number): void;
  /** Keys queued or being worked on (delayed ones are not counted). */
  readonly size: number;
  /** Resolves when nothing is queued or being worked on. */
  idle(): Promise<void>;
}

const defaultBackoff: BackoffOptions = { initialMs: 5, maxMs: 30_000 };

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const queue = new Queue(options);
  options.signal.addEventListener("abort", () => queue.close(), { once: true });
  return queue;
}

class Queue implements WorkQueue {
  readonly #options: WorkQueueOptions;
  /** Waiting for a worker, in order. */
  readonly #waiting = new Set<string>();
  readonly #working = new Set<string>();
  /** Added during their reconcile. */
  readonly #dirty = new Set<string>();
  readonly #delayed = new Map<string, { at: number; cancel: () => void }>();
  readonly #failures = new Map<string, number>();
  #idleListeners: (() => void)[] = [];
  #pumpQueued = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size + this.#working.size;
  }

  add(key: string): void {
    if (this.#options.signal.aborted) return;
    if (this.#working.has(key)) {
      this.#dirty.add(key);
      return;
    }
    this.#waiting.add(key);
    this.#schedulePump();
  }

  addAfter(key: string, delayMs: number): void {
    if (this.#options.signal.aborted) return;
    if (delayMs <= 0) {
      this.add(key);
      return;
    }
    const at = this.#options.clock.elapsed() + delayMs;
    const earlier = this.#delayed.get(key);
    if (earlier && earlier.at <= at) return;
    earlier?.cancel();
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { at, cancel });
  }

  idle(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleListeners.push(resolve));
  }

  close(): void {
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#waiting.clear();
    this.#dirty.clear();
    this.#announceIdle();
  }

  /** In a microtask, so that changes that arrive together are seen together. */
  #schedulePump(): void {
    if (this.#pumpQueued) return;
    this.#pumpQueued = true;
    queueMicrotask(() => {
      this.#pumpQueued = false;
      this.#pump();
    });
  }

  #pump(): void {
    const { concurrency = 5 } = this.#options;
    for (const key of this.#waiting) {
      if (this.#working.size >= concurrency) return;
      this.#waiting.delete(key);
      this.#working.add(key);
      void this.#work(key);
    }
  }

  async #work(key: string): Promise<void> {
    try {
      const again = await this.#options.reconcile(key);
      this.#failures.delete(key);
      if (again) this.addAfter(key, again.afterMs);
    } catch (error) {
      this.#failed(key, error);
    }
    this.#working.delete(key);
    if (this.#dirty.delete(key)) this.add(key);
    this.#pump();
    this.#announceIdle();
  }

  #failed(key: string, error: unknown): void {
    if (this.#options.signal.aborted) return;
    const { backoff = defaultBackoff, isExpected, log } = this.#options;
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const expected = isExpected?.(error) === true;
    const retryInMs = backoffMs(failures, expected ? defaultBackoff : backoff);
    const fields = { key, error, failures, retryInMs: Math.round(retryInMs) };
    if (expected) log.debug("reconcile failed", fields);
    else log.warn("reconcile failed", fields);
    this.addAfter(key, retryInMs);
  }

  #announceIdle(): void {
    if (this.size > 0) return;
    const listeners = this.#idleListeners;
    this.#idleListeners = [];
    for (const listener of listeners) listener();
  }
}
