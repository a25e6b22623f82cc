/** Between Bytes (strings) and buffers. */
import type { Bytes } from "./port.ts";

const largest = 256;
const scratch = Buffer.alloc(largest);
const views = Array.from({ length: largest + 1 }, (_, length) => scratch.subarray(0, length));

/** The bytes in a buffer that the next call overwrites: copy them at once. Making a buffer for each of 100,000 keys costs more than the copy. */
export function bytesOf(value: Bytes): Buffer {
  const view = views[value.length];
  if (!view) return Buffer.from(value, "latin1");
  view.write(value, 0, "latin1");
  return view;
}

export function bytesFrom(buffer: Buffer): Bytes {
  return buffer.toString("latin1");
}
