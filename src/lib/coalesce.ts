/** Turns many triggers into few runs. */
import { type BackoffOptions, createBackoff } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";

export interface CoalesceOptions {
  readonly run: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Least time from the end of one run to the start of the next; default 0. */
  readonly minIntervalMs?: number;
  /** Wait after failed runs; default 10 ms doubling to 30 s. */
  readonly backoff?: BackoffOptions;
}

export interface Coalescer {
  /** Asks for a run that starts after this call: at once when idle, else after the present run, once for all callers. */
  trigger(): void;
  /** Resolves when no run is going on or asked for. */
  idle(): Promise<void>;
}

const defaultBackoff: BackoffOptions = { initialMs: 10, maxMs: 30_000 };

/** Never runs twice at a time; a run that throws is logged and tried again after a back-off, even without a trigger. */
export function coalesce(options: CoalesceOptions): Coalescer {
  const { run, clock, log, signal, minIntervalMs = 0 } = options;
  const backoff = createBackoff(options.backoff ?? defaultBackoff);
  let wanted = false;
  let running = false;
  let queued = false;
  let notBefore = Number.NEGATIVE_INFINITY;
  let cancelTimer: (() => void) | undefined;
  let idleListeners: (() => void)[] = [];

  const settle = () => {
    if (wanted || running) return;
    const listeners = idleListeners;
    idleListeners = [];
    for (const listener of listeners) listener();
  };
  const pump = (): void => {
    if (!wanted || running || queued || cancelTimer || signal.aborted) {
      settle();
      return;
    }
    const waitMs = notBefore - clock.elapsed();
    if (waitMs > 0) {
      cancelTimer = clock.after(waitMs, () => {
        cancelTimer = undefined;
        pump();
      });
      return;
    }
    queued = true;
    queueMicrotask(() => void start());
  };
  const start = async () => {
    queued = false;
    if (signal.aborted) {
      settle();
      return;
    }
    wanted = false;
    running = true;
    try {
      await run();
      backoff.reset();
      notBefore = clock.elapsed() + minIntervalMs;
    } catch (error) {
      const retryInMs = backoff.next();
      log.warn("run failed", { error, retryInMs: Math.round(retryInMs) });
      wanted = true;
      notBefore = clock.elapsed() + retryInMs;
    }
    running = false;
    pump();
  };
  signal.addEventListener(
    "abort",
    () => {
      cancelTimer?.();
      wanted = false;
      settle();
    },
    { once: true },
  );
  return {
    trigger() {
      if (signal.aborted) return;
      wanted = true;
      pump();
    },
    idle: () => (wanted || running ? new Promise((resolve) => idleListeners.push(resolve)) : Promise.resolve()),
  };
}
