/** A pool of the numbers 0 … size-1 in two bands: the lower one is left for numbers that users ask for. */

export interface NumberPool {
  readonly size: number;
  has(number: number): boolean;
  /** False if it is taken or outside the pool. */
  reserve(number: number): boolean;
  /** Reserves a free number: from a random place of the upper band on, and from the lower band when the upper is full. */
  take(): number | undefined;
  release(number: number): void;
}

/**
 * Size of the band kept for static numbers: one `step`th of the pool within [min, max]; nothing in a tiny pool.
 * Source: KEP-3070 (cluster IPs: 16, 256, size/16) and KEP-3668 (node ports: 16, 128, size/32).
 */
export function staticBandSize(size: number, { min, max, step }: { min: number; max: number; step: number }): number {
  if (size <= min) return 0;
  return Math.min(Math.max(min, Math.floor(size / step)), max);
}

/** The first free number of [from, to), searched from `start` round. */
function findFree(used: ReadonlySet<number>, from: number, to: number, start: number): number | undefined {
  for (let number = start; number < to; number++) if (!used.has(number)) return number;
  for (let number = from; number < start; number++) if (!used.has(number)) return number;
  return undefined;
}

export function createNumberPool(
  size: number,
  { band, random = Math.random }: { band: number; random?: () => number },
): NumberPool {
  const used = new Set<number>();
  const reserve = (number: number): boolean => {
    if (!Number.isInteger(number) || number < 0 || number >= size || used.has(number)) return false;
    used.add(number);
    return true;
  };
  return {
    size,
    has: (number) => used.has(number),
    reserve,
    take() {
      if (used.size >= size) return undefined;
      const start = band + Math.floor(random() * (size - band));
      const number = findFree(used, band, size, start) ?? findFree(used, 0, band, 0);
      if (number !== undefined) used.add(number);
      return number;
    },
    release: (number) => void used.delete(number),
  };
}
