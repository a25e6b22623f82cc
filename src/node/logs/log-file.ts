/** The log of one start of a container: appended by the runtime, read by `kubectl logs`. */
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { formatLogChunk, type Stream } from "./log-line.ts";

/** The kubelet's default of containerLogMaxSize; one older file is kept as "<file>.1". */
export const rotateAtBytes = 10 * 1024 * 1024;

export class LogFile {
  readonly #path: string;
  readonly #rotateAtBytes: number;
  #fd: number | undefined;
  #size = 0;

  constructor(path: string, options: { rotateAtBytes?: number } = {}) {
    this.#path = path;
    this.#rotateAtBytes = options.rotateAtBytes ?? rotateAtBytes;
  }

  append(chunk: Buffer, stream: Stream): void {
    if (this.#fd === undefined) this.#open();
    if (this.#size >= this.#rotateAtBytes) this.#rotate();
    const lines = formatLogChunk(chunk, { stream, nowMs: Date.now() });
    for (let start = 0; start < lines.length && this.#fd !== undefined; ) start += writeSync(this.#fd, lines, start);
    this.#size += lines.length;
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #open(): void {
    mkdirSync(dirname(this.#path), { recursive: true });
    this.#fd = openSync(this.#path, "a", 0o640);
    this.#size = statSync(this.#path).size;
  }

  #rotate(): void {
    this.close();
    renameSync(this.#path, `${this.#path}.1`);
    this.#open();
  }
}

function readIfThere(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

/** All that is kept of a log, oldest first, up to `size` bytes of its newest file; empty when there is none. */
export function readLog(path: string, size = Number.POSITIVE_INFINITY): Buffer {
  return Buffer.concat([readIfThere(`${path}.1`), readIfThere(path).subarray(0, size)]);
}
