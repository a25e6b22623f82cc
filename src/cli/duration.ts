/** Durations on command lines. */
import { parseDurationMs } from "../lib/duration.ts";
import { UsageError } from "./errors.ts";

/** The value of option `name`, which must be a positive duration; undefined if it was not given. */
export function durationOption(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new UsageError(`--${name} must be a duration such as 40s, not "${text}"`);
}
