/** Of several times the nearest counts; each pass asks anew for those that still matter. */
import type { Clock } from "../../lib/clock.ts";

export class NearestWake {
  readonly #clock: Clock;
  readonly #wake: () => void;
  #cancel: () => void = () => undefined;
  #timeMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, wake: () => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  at(timeMs: number): void {
    if (timeMs >= this.#timeMs) return;
    this.#cancel();
    this.#timeMs = timeMs;
    this.#cancel = this.#clock.after(Math.max(0, timeMs - this.#clock.now()), this.#wake);
  }

  /** Nothing that was asked for matters any more. */
  clear(): void {
    this.#cancel();
    this.#timeMs = Number.POSITIVE_INFINITY;
  }
}
