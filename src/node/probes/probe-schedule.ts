/** When a container is probed and what the results mean (pure). Source: core/v1 Probe, "Configure Liveness, Readiness and Startup Probes". */
import type { Probe } from "kubernetes-types/core/v1";

export type ProbeKind = "readiness" | "liveness" | "startup";

export interface ProbeState {
  /** The word that counts. */
  readonly good: boolean;
  /** How many results in a row said the same. */
  readonly streak: { readonly good: boolean; readonly length: number } | undefined;
  /** Probes made so far. */
  readonly probes: number;
}

/** Times in milliseconds. */
export interface ProbeTiming {
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

export function probeTiming(probe: Probe): ProbeTiming {
  return {
    initialDelayMs: (probe.initialDelaySeconds ?? 0) * 1000,
    periodMs: (probe.periodSeconds ?? 10) * 1000,
    timeoutMs: (probe.timeoutSeconds ?? 1) * 1000,
    successThreshold: probe.successThreshold ?? 1,
    failureThreshold: probe.failureThreshold ?? 3,
  };
}

/** A container is not ready and not started until a probe says so, and alive until one denies it. */
export function initialProbeState(kind: ProbeKind): ProbeState {
  return { good: kind === "liveness", streak: undefined, probes: 0 };
}

/** The first repetition of a probe that came before the container was up; it doubles. */
const eagerMs: Readonly<Record<"exec" | "network", number>> = { exec: 100, network: 10 };

export interface ProbeOutcome {
  readonly state: ProbeState;
  /** Wait before the next probe. */
  readonly delayMs: number;
  /** The failure counts and is worth an Event. */
  readonly counted: boolean;
}

export interface ProbeContext {
  readonly kind: ProbeKind;
  readonly timing: ProbeTiming;
  readonly exec: boolean;
  /** Since the container was started. */
  readonly ageMs: number;
}

/**
 * Within the first period of a container without initial delay, a readiness or startup probe that fails is repeated soon and
 * does not count: a server that needs 50 ms to listen is ready after 50 ms, not after a whole period.
 */
export function afterProbe(
  state: ProbeState,
  good: boolean,
  { kind, timing, exec, ageMs }: ProbeContext,
): ProbeOutcome {
  const probes = state.probes + 1;
  const eager = kind !== "liveness" && timing.initialDelayMs === 0 && !state.good && ageMs < timing.periodMs;
  if (!good && eager) {
    const delayMs = Math.min(eagerMs[exec ? "exec" : "network"] * 2 ** state.probes, timing.periodMs);
    return { state: { ...state, streak: undefined, probes }, delayMs, counted: false };
  }
  const length = state.streak?.good === good ? state.streak.length + 1 : 1;
  const threshold = good ? timing.successThreshold : timing.failureThreshold;
  const word = length >= threshold ? good : state.good;
  return { state: { good: word, streak: { good, length }, probes }, delayMs: timing.periodMs, counted: !good };
}
