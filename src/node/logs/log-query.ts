/** What `kubectl logs` may ask for, and which lines answer it (pure). Source: core/v1 PodLogOptions. */
import { type LogLine, parseLogLine, splitLogLines } from "./log-line.ts";

export interface LogQuery {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly sinceMs?: number;
  readonly limitBytes?: number;
}

function natural(name: string, text: string | null, least: number): number | undefined {
  if (text === null || text === "") return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`Cannot use ${name}=${text}: must be a whole number of at least ${least}`);
  }
  return value;
}

function flag(name: string, text: string | null): boolean {
  if (text === null || text === "false" || text === "0") return false;
  if (text === "true" || text === "1" || text === "") return true;
  throw new RangeError(`Cannot use ${name}=${text}: must be true or false`);
}

/** Throws RangeError with one sentence for a parameter that cannot be used. */
export function parseLogQuery(parameters: URLSearchParams, nowMs: number): LogQuery {
  const tailLines = natural("tailLines", parameters.get("tailLines"), 0);
  const limitBytes = natural("limitBytes", parameters.get("limitBytes"), 1);
  const sinceSeconds = natural("sinceSeconds", parameters.get("sinceSeconds"), 1);
  const sinceTime = parameters.get("sinceTime");
  if (sinceTime && sinceSeconds !== undefined) {
    throw new RangeError("Cannot use sinceTime and sinceSeconds: only one of them may be given");
  }
  const sinceMs = sinceTime ? Date.parse(sinceTime) : sinceSeconds && nowMs - sinceSeconds * 1000;
  if (sinceMs !== undefined && Number.isNaN(sinceMs)) {
    throw new RangeError(`Cannot use sinceTime=${sinceTime}: must be an RFC 3339 time`);
  }
  return {
    follow: flag("follow", parameters.get("follow")),
    previous: flag("previous", parameters.get("previous")),
    timestamps: flag("timestamps", parameters.get("timestamps")),
    ...(tailLines !== undefined && { tailLines }),
    ...(sinceMs !== undefined && { sinceMs }),
    ...(limitBytes !== undefined && { limitBytes }),
  };
}

/** Turns log lines into what the reader gets; it remembers whether it stands within a line. */
export class LogRenderer {
  readonly #query: LogQuery;
  #withinLine = false;
  #left: number;

  constructor(query: LogQuery) {
    this.#query = query;
    this.#left = query.limitBytes ?? Number.POSITIVE_INFINITY;
  }

  /** True when limitBytes are used up. */
  get full(): boolean {
    return this.#left <= 0;
  }

  /** Whole lines of the log file; the first call's are cut to tailLines. */
  render(text: Buffer, { first }: { first: boolean }): Buffer {
    const parsed = splitLogLines(text).flatMap((line) => parseLogLine(line) ?? []);
    const { sinceMs, tailLines } = this.#query;
    const recent = sinceMs === undefined ? parsed : parsed.filter(({ time }) => Date.parse(time) >= sinceMs);
    const chosen = first && tailLines !== undefined ? tail(recent, tailLines) : recent;
    const whole = Buffer.concat(chosen.flatMap((line) => this.#pieces(line)));
    const bytes = whole.subarray(0, Math.min(whole.length, this.#left));
    this.#left -= bytes.length;
    return bytes;
  }

  #pieces({ time, partial, content }: LogLine): Buffer[] {
    const start = this.#query.timestamps && !this.#withinLine ? [Buffer.from(`${time} `)] : [];
    this.#withinLine = partial;
    return [...start, content, ...(partial ? [] : [Buffer.from("\n")])];
  }
}

/** The last `count` lines; a partial one counts only with its end. */
function tail(lines: readonly LogLine[], count: number): readonly LogLine[] {
  let left = count;
  let start = lines.length;
  while (start > 0) {
    const before = lines[start - 1];
    const endsLine = before?.partial === false || start === lines.length;
    if (endsLine && left-- === 0) break;
    start--;
  }
  return lines.slice(start);
}
