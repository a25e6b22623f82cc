/** Reads a file of frames from its start, in windows of a few MiB. */
import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { decodeHeader, decodePayload, type FileRecord, frameHeaderBytes, judgeTail } from "./frame.ts";

const windowBytes = 4 * 1024 * 1024;

/** The frame at `offset` is not whole. `torn`: a crash during the last write explains it. */
export class BadFrameError extends Error {
  readonly offset: number;
  readonly torn: boolean;
  constructor(path: string, offset: number, torn: boolean) {
    super(`Cannot read "${path}": the frame at byte ${offset} is ${torn ? "torn" : "damaged"}`);
    this.offset = offset;
    this.torn = torn;
  }
}

/** Hands out ranges of a file; short at its end. */
class Window {
  readonly #file: FileHandle;
  #buffer = Buffer.alloc(0);
  #offset = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async bytes(offset: number, length: number): Promise<Buffer> {
    const at = offset - this.#offset;
    if (at < 0 || at + length > this.#buffer.length) await this.#load(offset, Math.max(length, windowBytes));
    const start = offset - this.#offset;
    return this.#buffer.subarray(start, start + length);
  }

  async #load(offset: number, length: number): Promise<void> {
    const buffer = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#file.read(buffer, filled, length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    this.#buffer = buffer.subarray(0, filled);
    this.#offset = offset;
  }
}

/** The records of each frame and where the frame ends, in order; throws BadFrameError at the first bad one. */
export async function* readFrames(path: string): AsyncGenerator<{ records: FileRecord[]; end: number }> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const window = new Window(file);
    for (let offset = 0; offset < size; ) {
      const header = decodeHeader(await window.bytes(offset, frameHeaderBytes));
      const end = offset + frameHeaderBytes + (header?.length ?? 0);
      const payload = header && end <= size ? await window.bytes(offset + frameHeaderBytes, header.length) : undefined;
      if (!payload || crc32(payload) !== header?.crc) {
        const tail = judgeTail(await window.bytes(offset, size - offset), offset);
        if (tail === "blank") return;
        throw new BadFrameError(path, offset, tail === "torn");
      }
      yield { records: decodePayload(payload), end };
      offset = end;
    }
  } finally {
    await file.close();
  }
}
