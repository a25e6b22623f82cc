/** Growing waits between attempts. */

export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
  /** Default 2. */
  readonly factor?: number;
  /** Share of each wait that is random, 0 to 1; default 0. */
  readonly jitter?: number;
  /** A number from 0 (included) to 1 (not included). */
  readonly random?: () => number;
}

/** The wait before attempt number `failures` + 1, after `failures` (at least 1) failures in a row. */
export function backoffMs(failures: number, options: BackoffOptions): number {
  const { initialMs, maxMs, factor = 2, jitter = 0, random = Math.random } = options;
  const fullMs = Math.min(maxMs, initialMs * factor ** (failures - 1));
  return fullMs * (1 - jitter * random());
}

export interface Backoff {
  /** Counts a failure and returns the wait before the next attempt. */
  next(): number;
  /** Forgets the failures: an attempt succeeded. */
  reset(): void;
}

export function createBackoff(options: BackoffOptions): Backoff {
  let failures = 0;
  return {
    next: () => backoffMs(++failures, options),
    reset: () => {
      failures = 0;
    },
  };
}
