/** Moves what a container writes from its FIFOs to its log. */
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { LogFile } from "./log-file.ts";
import type { Stream } from "./log-line.ts";

const pipeSizeBytes = 64 * 1024;
/** A pipe that is not empty after so many reads is being refilled by somebody. */
const drainReads = 256;

export class LogPump {
  readonly #file: LogFile;
  readonly #pipes: readonly { readonly stream: Stream; readonly fd: number; readonly socket: Socket }[];

  /** The FIFOs `stdout` and `stderr` must be in `directory`. */
  constructor(directory: string, logFile: string) {
    this.#file = new LogFile(logFile);
    this.#pipes = (["stdout", "stderr"] as const).map((stream) => {
      // For reading and writing: it opens at once and never comes to an end, whoever else holds it.
      const fd = openSync(join(directory, stream), constants.O_RDWR | constants.O_NONBLOCK);
      const socket = new Socket({ fd, readable: true, writable: false });
      socket.on("data", (chunk: Buffer) => this.#file.append(chunk, stream));
      socket.on("error", () => undefined);
      // A log alone does not keep the agent alive.
      socket.unref();
      return { stream, fd, socket };
    });
  }

  /** Takes what is in the pipes now, then closes all. Call it when nothing writes any more. */
  finish(): void {
    for (const { stream, fd, socket } of this.#pipes) {
      // What the stream holds already goes the usual way: read() emits it.
      while (socket.read() !== null);
      this.#drain(fd, stream);
    }
    this.close();
  }

  close(): void {
    for (const { socket } of this.#pipes) socket.destroy();
    this.#file.close();
  }

  #drain(fd: number, stream: Stream): void {
    const buffer = Buffer.alloc(pipeSizeBytes);
    for (let reads = 0; reads < drainReads; reads++) {
      try {
        const length = readSync(fd, buffer);
        if (length === 0) return;
        this.#file.append(buffer.subarray(0, length), stream);
      } catch {
        // EAGAIN: empty.
        return;
      }
    }
  }
}

/** Writes a line into a FIFO that somebody holds open; says whether somebody did. */
export function writeToFifo(path: string, line: string): boolean {
  try {
    const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      writeSync(fd, `${line}\n`);
    } finally {
      closeSync(fd);
    }
    return true;
  } catch {
    return false;
  }
}
