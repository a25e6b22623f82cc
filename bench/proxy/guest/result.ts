import type { Forwarding } from "../forwarding.ts";

/** Begins a line of results on the machine's console. */
export const resultMark = "bench-result ";

export interface GuestResult extends Forwarding {
  readonly mode: string;
  readonly size: number;
  readonly coldMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}
