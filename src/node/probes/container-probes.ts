/** The probes of one running container, from its start to its end. */
import type { Container, Probe } from "kubernetes-types/core/v1";
import type { Clock } from "../../lib/clock.ts";
import { makeProbe, type ProbeTarget } from "./probe-action.ts";
import { afterProbe, initialProbeState, type ProbeKind, type ProbeState, probeTiming } from "./probe-schedule.ts";

export interface ContainerProbesOptions {
  readonly container: Container;
  readonly ip: string;
  readonly startedAtMs: number;
  /** What held under a former agent: a container does not become unready because its agent was restarted. */
  readonly known?: { readonly ready: boolean; readonly started: boolean } | undefined;
  readonly clock: Clock;
  readonly exec: ProbeTarget["exec"];
  /** A word changed, see `ready`, `started`. */
  readonly onChange: () => void;
  /** The container must be restarted: its liveness or startup probe has failed for good. */
  readonly onDead: (kind: "liveness" | "startup", gracePeriodSeconds: number | undefined) => void;
  /** For an Event: "Readiness probe failed: …", or "… warning: …" of one that was good. */
  readonly onFailure: (message: string, reason: "Unhealthy" | "ProbeWarning") => void;
}

const titles: Readonly<Record<ProbeKind, string>> = {
  readiness: "Readiness",
  liveness: "Liveness",
  startup: "Startup",
};

export class ContainerProbes {
  readonly #options: ContainerProbesOptions;
  readonly #states = new Map<ProbeKind, ProbeState>();
  readonly #cancels = new Map<ProbeKind, () => void>();
  #closed = false;

  constructor(options: ContainerProbesOptions) {
    this.#options = options;
    const { startupProbe } = options.container;
    if (startupProbe && !options.known?.started) this.#begin("startup", startupProbe);
    else this.#beginOthers();
  }

  get started(): boolean {
    const { container, known } = this.#options;
    return !container.startupProbe || known?.started === true || this.#states.get("startup")?.good === true;
  }

  get ready(): boolean {
    return this.started && (!this.#options.container.readinessProbe || this.#states.get("readiness")?.good === true);
  }

  /** While a Pod is being deleted only its readiness goes on being asked. */
  stopAllButReadiness(): void {
    for (const kind of ["liveness", "startup"] as const) this.#end(kind);
  }

  close(): void {
    this.#closed = true;
    for (const kind of [...this.#cancels.keys()]) this.#end(kind);
  }

  #beginOthers(): void {
    const { readinessProbe, livenessProbe } = this.#options.container;
    if (readinessProbe) this.#begin("readiness", readinessProbe);
    if (livenessProbe) this.#begin("liveness", livenessProbe);
  }

  #begin(kind: ProbeKind, probe: Probe): void {
    const ready = kind === "readiness" && this.#options.known?.ready === true;
    this.#states.set(kind, { ...initialProbeState(kind), ...(ready && { good: true }) });
    const { initialDelayMs } = probeTiming(probe);
    const ageMs = this.#options.clock.now() - this.#options.startedAtMs;
    this.#schedule(kind, probe, Math.max(0, initialDelayMs - ageMs));
  }

  #schedule(kind: ProbeKind, probe: Probe, delayMs: number): void {
    if (this.#closed) return;
    this.#cancels.set(
      kind,
      this.#options.clock.after(delayMs, () => void this.#probe(kind, probe)),
    );
  }

  #end(kind: ProbeKind): void {
    this.#cancels.get(kind)?.();
    this.#cancels.delete(kind);
  }

  async #probe(kind: ProbeKind, probe: Probe): Promise<void> {
    const { container, ip, exec, clock, startedAtMs } = this.#options;
    const timing = probeTiming(probe);
    const result = await makeProbe(probe, { container, ip, exec, timeoutMs: timing.timeoutMs });
    const before = this.#states.get(kind);
    if (this.#closed || !before || !this.#cancels.has(kind)) return;
    const ageMs = clock.now() - startedAtMs;
    const { state, delayMs, counted } = afterProbe(before, result.ok, {
      kind,
      timing,
      exec: probe.exec !== undefined,
      ageMs,
    });
    this.#states.set(kind, state);
    if (!result.ok && counted) {
      this.#options.onFailure(`${titles[kind]} probe failed: ${result.message}`, "Unhealthy");
    }
    if (result.ok && result.warning !== undefined) {
      this.#options.onFailure(`${titles[kind]} probe warning: ${result.warning}`, "ProbeWarning");
    }
    if (!this.#react(kind, probe, { before, state })) this.#schedule(kind, probe, delayMs);
  }

  /** Returns true when this probe is not made any more. */
  #react(kind: ProbeKind, probe: Probe, { before, state }: { before: ProbeState; state: ProbeState }): boolean {
    const failedForGood =
      state.streak?.good === false && state.streak.length >= probeTiming(probe).failureThreshold && !state.good;
    if (kind !== "readiness" && failedForGood) {
      this.close();
      this.#options.onDead(kind, probe.terminationGracePeriodSeconds);
      return true;
    }
    const changed = before.good !== state.good;
    const startedNow = kind === "startup" && changed && state.good;
    if (startedNow) this.#beginOthers();
    if (changed) this.#options.onChange();
    return startedNow;
  }
}
