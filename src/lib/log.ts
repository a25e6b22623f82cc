/** Structured logging to stderr: a constant message and fields; one line a record. */

export type Level = "debug" | "info" | "warn" | "error";
export type Fields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A log that adds `fields` to each record. */
  child(fields: Fields): Log;
}

const order: readonly Level[] = ["debug", "info", "warn", "error"];

/** Errors become their message (the stack at debug level is of no use to an operator). */
function plain(value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}

function formatText(time: Date, level: Level, message: string, fields: Fields): string {
  const pairs = Object.entries(fields).map(([key, value]) => {
    const text = plain(value);
    return `${key}=${typeof text === "string" && /^[\w./:@+-]+$/.test(text) ? text : JSON.stringify(text)}`;
  });
  return [time.toISOString(), level.toUpperCase().padEnd(5), message, ...pairs].join(" ");
}

/** A log that hands whole lines, without newline, to `write`. */
export function createLog(
  write: (line: string) => void = (line) => void process.stderr.write(`${line}\n`),
  options: { level?: Level; fields?: Fields; format?: "text" | "json" } = {},
): Log {
  const { level: threshold = "info", fields: base = {}, format = "text" } = options;
  const record = (level: Level, message: string, fields: Fields = {}): void => {
    if (order.indexOf(level) < order.indexOf(threshold)) return;
    const all = { ...base, ...fields };
    const time = new Date();
    if (format === "text") {
      write(formatText(time, level, message, all));
    } else {
      const plainFields = Object.fromEntries(Object.entries(all).map(([key, value]) => [key, plain(value)]));
      write(JSON.stringify({ ts: time.toISOString(), level, msg: message, ...plainFields }));
    }
  };
  return {
    debug: (message, fields) => record("debug", message, fields),
    info: (message, fields) => record("info", message, fields),
    warn: (message, fields) => record("warn", message, fields),
    error: (message, fields) => record("error", message, fields),
    child: (fields) => createLog(write, { level: threshold, format, fields: { ...base, ...fields } }),
  };
}
