/** Ends one container in good order: preStop, SIGTERM, and SIGKILL when its time is up. */
import type { Container } from "kubernetes-types/core/v1";
import type { Clock } from "../../lib/clock.ts";
import type { ContainerRuntime } from "../runtime/container-runtime.ts";
import { runHook } from "./lifecycle-hook.ts";

export interface ContainerStopOptions {
  readonly id: string;
  readonly container: Container;
  readonly ip: string;
  readonly deadlineMs: number;
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly onHookFailure: (message: string) => void;
}

/** A container whose preStop used up all the time still gets this after SIGTERM. */
const leastGraceMs = 2_000;
const killAgainMs = 500;

export class ContainerStop {
  readonly #options: ContainerStopOptions;
  #deadlineMs: number;
  #cancel: () => void = () => undefined;

  constructor(options: ContainerStopOptions) {
    this.#options = options;
    this.#deadlineMs = options.deadlineMs;
    void this.#run();
  }

  /** A deadline can only come nearer. */
  hasten(deadlineMs: number): void {
    if (deadlineMs >= this.#deadlineMs) return;
    this.#deadlineMs = deadlineMs;
    this.#arm();
  }

  close(): void {
    this.#cancel();
  }

  async #run(): Promise<void> {
    const { id, container, runtime, clock } = this.#options;
    if (container.lifecycle?.preStop) {
      await this.#preStop();
      this.#deadlineMs = Math.max(this.#deadlineMs, clock.now() + leastGraceMs);
    }
    this.#arm();
    if (this.#deadlineMs > clock.now()) runtime.signal(id, runtime.get(id)?.stopSignal ?? "SIGTERM");
  }

  async #preStop(): Promise<void> {
    const { id, container, ip, runtime, clock, onHookFailure } = this.#options;
    const timeoutMs = Math.max(1, this.#deadlineMs - clock.now());
    const exec = (argv: readonly string[], options: { timeoutMs: number }) => runtime.exec(id, argv, options);
    const result = await runHook(container.lifecycle?.preStop ?? {}, { ip, container, timeoutMs, exec });
    if (!result.ok) onHookFailure(result.message);
  }

  #arm(): void {
    const { clock } = this.#options;
    this.#cancel();
    this.#cancel = clock.after(Math.max(0, this.#deadlineMs - clock.now()), () => this.#kill());
  }

  /** Until it is gone: one that has not begun yet cannot be killed yet. */
  #kill(): void {
    const { id, runtime, clock } = this.#options;
    runtime.signal(id, "SIGKILL");
    this.#cancel = clock.after(killAgainMs, () => this.#kill());
  }
}
