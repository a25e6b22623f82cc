/** The value that this share of all values is below, e.g. 0.5 for the median. */
const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;

export const p50 = (values: readonly number[]): number => quantile(values, 0.5);
export const p99 = (values: readonly number[]): number => quantile(values, 0.99);

/** Three digits that count. */
export const short = (value: number | undefined): number | string =>
  value === undefined || Number.isNaN(value) ? "?" : Number(value.toPrecision(3));
