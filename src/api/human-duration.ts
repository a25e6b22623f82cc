/** Ages as Kubernetes tables print them: at most two units, the smaller one dropped as the age grows. */

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

type Unit = readonly [symbol: string, lengthMs: number];

/** Whole `unit`s, and the rest in `smaller` ones when it is not zero. */
function inUnits(durationMs: number, [symbol, lengthMs]: Unit, smaller?: Unit): string {
  const whole = `${Math.floor(durationMs / lengthMs)}${symbol}`;
  const rest = smaller ? Math.floor((durationMs % lengthMs) / smaller[1]) : 0;
  return smaller && rest > 0 ? `${whole}${rest}${smaller[0]}` : whole;
}

/** Below which duration, in which units. The first that fits is taken. */
const steps: readonly (readonly [belowMs: number, unit: Unit, smaller?: Unit])[] = [
  [2 * minute, ["s", second]],
  [10 * minute, ["m", minute], ["s", second]],
  [3 * hour, ["m", minute]],
  [8 * hour, ["h", hour], ["m", minute]],
  [2 * day, ["h", hour]],
  [8 * day, ["d", day], ["h", hour]],
  [2 * year, ["d", day]],
  [8 * year, ["y", year], ["d", day]],
];

/** `humanDuration(125_000)` is "2m5s". Up to two seconds in the future (clocks differ) count as "0s", more as "<invalid>". */
export function humanDuration(durationMs: number): string {
  if (durationMs <= -2 * second) return "<invalid>";
  if (durationMs < 0) return "0s";
  const step = steps.find(([belowMs]) => durationMs < belowMs);
  return step ? inUnits(durationMs, step[1], step[2]) : inUnits(durationMs, ["y", year]);
}

/** The age of an RFC 3339 timestamp at `nowMs`; "<unknown>" without one. */
export function age(timestamp: string | undefined, nowMs: number): string {
  const at = timestamp ? Date.parse(timestamp) : Number.NaN;
  return Number.isNaN(at) ? "<unknown>" : humanDuration(nowMs - at);
}
