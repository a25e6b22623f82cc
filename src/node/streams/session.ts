/** What exec and attach have in common, whichever protocol the client speaks. */
import type { Readable, Writable } from "node:stream";
import type { TerminalSize } from "../sandbox/port.ts";
import type { ExecStatus } from "./exec-status.ts";

/** Which streams the client asks for; with a terminal there is no stderr. */
export interface StreamOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

export interface Session {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  onResize(listener: (size: TerminalSize) => void): void;
  /** Aborts when the client's connection has ended, by whomever. */
  readonly gone: AbortSignal;
  /** Sends what has been written, tells how it ended and closes the connection. */
  finish(status: ExecStatus): Promise<void>;
}

/** Ends a stream; resolves when all is sent, or cannot be any more. */
export function flushed(stream: Writable | undefined): Promise<void> {
  if (!stream || stream.destroyed || stream.writableFinished) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once("finish", resolve).once("close", resolve);
    stream.end();
  });
}

/** Errors of a broken connection are told by `gone`. */
export function quiet<T extends Readable | Writable>(stream: T): T {
  return stream.on("error", () => undefined) as T;
}

/** Reads sizes from what was sent as JSON, e.g. `{"Width":80,"Height":24}`, one after the other, in any pieces. */
export class SizeReader {
  #rest = "";

  push(text: string): TerminalSize[] {
    const parts = (this.#rest + text).split("}");
    // No size is longer than this.
    this.#rest = (parts.pop() ?? "").slice(-200);
    return parts.flatMap((part) => parseSize(`${part}}`) ?? []);
  }
}

function parseSize(text: string): TerminalSize | undefined {
  try {
    const { Width: columns, Height: rows } = JSON.parse(text) as { Width?: unknown; Height?: unknown };
    const good = Number.isInteger(columns) && Number.isInteger(rows) && Number(columns) > 0 && Number(rows) > 0;
    return good ? { columns: Number(columns), rows: Number(rows) } : undefined;
  } catch {
    return undefined;
  }
}
