/** Moves what a container writes, from its FIFOs or its terminal, to its log and to those who are attached. */
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { LogFile } from "./log-file.ts";
import type { Stream } from "./log-line.ts";

const pipeSizeBytes = 64 * 1024;
/** A pipe that is not empty after so many reads is being refilled by somebody. */
const drainReads = 256;
/** What the first one who attaches gets of the time before. */
const earlyLimitBytes = 64 * 1024;

export type OutputListener = (chunk: Buffer, stream: Stream) => void;

interface Source {
  readonly stream: Stream;
  readonly fd: number;
  readonly socket: Duplex & { unref(): unknown };
}

/** For reading and writing: it opens at once and never comes to an end, whoever else holds it. */
function openFifo(directory: string, stream: Stream): Source {
  const fd = openSync(join(directory, stream), constants.O_RDWR | constants.O_NONBLOCK);
  return { stream, fd, socket: new Socket({ fd, readable: true, writable: false }) };
}

export class LogPump {
  readonly #file: LogFile;
  readonly #sources: readonly Source[];
  readonly #listeners = new Set<OutputListener>();
  #early: { readonly chunk: Buffer; readonly stream: Stream }[] | undefined;
  #earlyBytes = 0;

  constructor(logFile: string, sources: readonly Source[], { keepEarly }: { keepEarly: boolean }) {
    this.#file = new LogFile(logFile);
    this.#sources = sources;
    this.#early = keepEarly ? [] : undefined;
    for (const { stream, socket } of sources) {
      socket.on("data", (chunk: Buffer) => this.#take(chunk, stream));
      socket.on("error", () => undefined);
      // A log alone does not keep the agent alive.
      socket.unref();
    }
  }

  /** The FIFOs `stdout` and `stderr` must be in `directory`. */
  static ofFifos(logFile: string, directory: string, options: { keepEarly: boolean }): LogPump {
    const sources = (["stdout", "stderr"] as const).map((stream) => openFifo(directory, stream));
    return new LogPump(logFile, sources, options);
  }

  /** The first listener also gets the first 64 KiB of what came before it, if that is kept. */
  onOutput(listener: OutputListener): () => void {
    for (const { chunk, stream } of this.#early ?? []) listener(chunk, stream);
    this.#early = undefined;
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Takes what is in the pipes now, then closes all. Call it when nothing writes any more. */
  finish(): void {
    for (const { stream, fd, socket } of this.#sources) {
      // What the stream holds already goes the usual way: read() emits it.
      while (socket.read() !== null);
      if (!socket.destroyed) this.#drain(fd, stream);
    }
    this.close();
  }

  close(): void {
    for (const { socket } of this.#sources) socket.destroy();
    this.#file.close();
  }

  #take(chunk: Buffer, stream: Stream): void {
    this.#file.append(chunk, stream);
    if (this.#early && this.#earlyBytes < earlyLimitBytes) {
      this.#early.push({ chunk: Buffer.from(chunk), stream });
      this.#earlyBytes += chunk.length;
    }
    for (const listener of this.#listeners) listener(chunk, stream);
  }

  #drain(fd: number, stream: Stream): void {
    for (let reads = 0; reads < drainReads; reads++) {
      const buffer = Buffer.alloc(pipeSizeBytes);
      try {
        const length = readSync(fd, buffer);
        if (length === 0) return;
        this.#take(buffer.subarray(0, length), stream);
      } catch {
        // EAGAIN: empty. EIO: a terminal that nobody has open any more.
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

/** For writing, without waiting; undefined when nobody reads (any more). Holders of the other end make it a valid one. */
export function openFifoForWriting(path: string): Socket | undefined {
  try {
    const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    const socket = new Socket({ fd, readable: false, writable: true });
    // The reader may go at any time.
    socket.on("error", () => undefined);
    return socket;
  } catch {
    return undefined;
  }
}
