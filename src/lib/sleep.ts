import type { Clock } from "./clock.ts";

/** Resolves after `delayMs` or when `signal` aborts, whichever comes first; never rejects. */
export function sleep(delayMs: number, { clock, signal }: { clock: Clock; signal: AbortSignal }): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal.addEventListener("abort", done, { once: true });
  });
}

/** Resolves when the event loop has seen to what is there now, such as a connection that is made. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
