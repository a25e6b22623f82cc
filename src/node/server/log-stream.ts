/** Streams a container's log, and what is added to it until the container ends. */

import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readSync, statSync, watch } from "node:fs";
import { dirname } from "node:path";
import type { Writable } from "node:stream";
import { readLog } from "../logs/log-file.ts";
import { type LogQuery, LogRenderer } from "../logs/log-query.ts";

export interface LogStreamOptions {
  readonly path: string;
  readonly query: LogQuery;
  readonly out: Writable;
  readonly signal: AbortSignal;
  /** True while more may be written. */
  readonly running: () => boolean;
  /** Calls when `running` may have changed; returns a function that ends it. */
  readonly onChange: (listener: () => void) => () => void;
}

const chunkBytes = 256 * 1024;

/** Follows one file by name; a file that was rotated is read to its end first. */
class Tail {
  readonly #path: string;
  #fd: number | undefined;
  #inode = 0;
  #offset: number;

  constructor(path: string, offset: number) {
    this.#path = path;
    this.#offset = offset;
    this.#open();
  }

  /** Whole lines that were added since; empty when there are none. */
  read(): Buffer {
    const old = this.#readOpen();
    if (this.#fd !== undefined && statSync(this.#path, { throwIfNoEntry: false })?.ino === this.#inode) return old;
    this.close();
    if (this.#inode !== 0) this.#offset = 0;
    this.#open();
    return Buffer.concat([old, this.#readOpen()]);
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #open(): void {
    const stat = statSync(this.#path, { throwIfNoEntry: false });
    if (!stat) return;
    this.#fd = openSync(this.#path, "r");
    this.#inode = stat.ino;
  }

  #readOpen(): Buffer {
    if (this.#fd === undefined) return Buffer.alloc(0);
    const buffer = Buffer.alloc(chunkBytes);
    const parts: Buffer[] = [];
    for (;;) {
      const length = readSync(this.#fd, buffer, 0, chunkBytes, this.#offset);
      const whole = length === 0 ? 0 : buffer.lastIndexOf(0x0a, length - 1) + 1;
      if (whole === 0) return Buffer.concat(parts);
      parts.push(Buffer.from(buffer.subarray(0, whole)));
      this.#offset += whole;
    }
  }
}

async function send(out: Writable, bytes: Buffer, signal: AbortSignal): Promise<void> {
  if (bytes.length > 0 && !out.write(bytes)) await once(out, "drain", { signal }).catch(() => undefined);
}

/** Resolves when all is written; the stream is left open. */
export async function streamLog(options: LogStreamOptions): Promise<void> {
  const { path, query, out, signal, running, onChange } = options;
  const renderer = new LogRenderer(query);
  mkdirSync(dirname(path), { recursive: true });
  let wake = Promise.withResolvers<void>();
  const ring = () => wake.resolve();
  // Watch before reading, so that nothing comes unseen.
  const watcher = query.follow ? watch(dirname(path), { persistent: false }, ring) : undefined;
  const stopListening = onChange(ring);
  signal.addEventListener("abort", ring, { once: true });
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const tail = new Tail(path, size);
  try {
    await send(out, renderer.render(readLog(path, size), { first: true }), signal);
    while (query.follow && !renderer.full && !signal.aborted) {
      // Asked first: what is written before the end is read after it.
      const more = running();
      await send(out, renderer.render(tail.read(), { first: false }), signal);
      if (!more) break;
      await wake.promise;
      wake = Promise.withResolvers<void>();
    }
  } finally {
    watcher?.close();
    stopListening();
    tail.close();
  }
}
