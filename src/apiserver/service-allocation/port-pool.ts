/** Node ports: one number is one allocation, whatever the protocol. */
import type { Reservation } from "./address-space.ts";
import { createNumberPool, staticBandSize } from "./number-pool.ts";

export interface PortPool {
  reserve(port: number): Reservation;
  take(): number | undefined;
  release(port: number): void;
}

export function createPortPool({ from, to }: { from: number; to: number }, random?: () => number): PortPool {
  const size = to - from + 1;
  const band = staticBandSize(size, { min: 16, max: 128, step: 32 });
  const pool = createNumberPool(size, { band, ...(random ? { random } : {}) });
  return {
    reserve(port) {
      if (port < from || port > to) {
        return {
          ok: false,
          reason: `provided port is not in the valid range. The range of valid ports is ${from}-${to}`,
        };
      }
      return pool.reserve(port - from) ? { ok: true } : { ok: false, reason: "provided port is already allocated" };
    },
    take() {
      const index = pool.take();
      return index === undefined ? undefined : from + index;
    },
    release: (port) => pool.release(port - from),
  };
}
