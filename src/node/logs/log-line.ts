/** Lines of a container's log as the CRI writes them: `2026-01-02T03:04:05.678000000Z stdout F text` (pure). */

export type Stream = "stdout" | "stderr";

export interface LogLine {
  /** RFC 3339 with nine digits of the second. */
  readonly time: string;
  readonly stream: Stream;
  /** More of the same line follows. */
  readonly partial: boolean;
  readonly content: Buffer;
}

const newline = 0x0a;

export function formatLogTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000000Z`;
}

/**
 * What was read from the container, as log lines. A tail without newline becomes a partial line at once: nothing of
 * the log is ever held in memory only.
 */
export function formatLogChunk(chunk: Buffer, { stream, nowMs }: { stream: Stream; nowMs: number }): Buffer {
  const parts: Buffer[] = [];
  const whole = Buffer.from(`${formatLogTime(nowMs)} ${stream} F `);
  for (let start = 0; start < chunk.length; ) {
    const end = chunk.indexOf(newline, start);
    if (end === -1) {
      parts.push(Buffer.from(`${formatLogTime(nowMs)} ${stream} P `), chunk.subarray(start), Buffer.from("\n"));
      break;
    }
    parts.push(whole, chunk.subarray(start, end + 1));
    start = end + 1;
  }
  return Buffer.concat(parts);
}

/** Undefined for a line that is not of this format. `line` comes without its newline. */
export function parseLogLine(line: Buffer): LogLine | undefined {
  const head = line.subarray(0, 64).toString("latin1");
  const [prefix, time, stream, tag] = /^(\S+) (stdout|stderr) ([FP]) /.exec(head) ?? [];
  if (prefix === undefined || time === undefined) return undefined;
  return {
    time,
    stream: stream === "stderr" ? "stderr" : "stdout",
    partial: tag === "P",
    content: line.subarray(prefix.length),
  };
}

/** The whole lines of a file's text, without newlines; what follows the last newline is dropped. */
export function splitLogLines(text: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; ; ) {
    const end = text.indexOf(newline, start);
    if (end === -1) return lines;
    lines.push(text.subarray(start, end));
    start = end + 1;
  }
}
