/** How long a container that ended must wait before it starts again (pure). Source: "Pod Lifecycle", container restart policy. */

const initialMs = 10_000;
const maxMs = 300_000;
/** A container that went on for so long starts afresh. */
const resetAfterMs = 600_000;

export interface RestartBackoff {
  readonly delayMs: number;
  /** When the delay was last raised: the end of the start before. */
  readonly sinceMs: number;
}

/** When it may start again after it ended at `finishedAtMs`; the first restart is immediate. */
export function restartAtMs(backoff: RestartBackoff | undefined, finishedAtMs: number): number {
  return backoff && finishedAtMs - backoff.sinceMs <= resetAfterMs ? finishedAtMs + backoff.delayMs : finishedAtMs;
}

/** The back-off that holds after this restart. */
export function raiseBackoff(backoff: RestartBackoff | undefined, finishedAtMs: number): RestartBackoff {
  const expired = !backoff || finishedAtMs - backoff.sinceMs > resetAfterMs;
  return { delayMs: expired ? initialMs : Math.min(backoff.delayMs * 2, maxMs), sinceMs: finishedAtMs };
}
