/** Frames of SPDY/3.1 (pure). Source: SPDY Protocol, Draft 3.1, section 2.2 and 2.6. */

/** Stream, data: the next 32 bits are a stream's number; control: version and type. The rest is alike.
 *
 *   |0|  stream (31)               |      |1| version = 3 (15) | type (16) |
 *   | flags (8) | length (24)      |      | flags (8) | length (24)        |
 *   | data                         |      | payload                        |
 */
const headBytes = 8;
const version = 3;

const types = { synStream: 1, synReply: 2, rstStream: 3, ping: 6, goAway: 7 } as const;

const flagFin = 0x01;

export type Frame =
  | { readonly kind: "data"; readonly stream: number; readonly fin: boolean; readonly data: Buffer }
  | { readonly kind: "synStream"; readonly stream: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly kind: "rstStream"; readonly stream: number }
  | { readonly kind: "ping"; readonly id: number }
  | { readonly kind: "goAway" }
  /** Nothing that a server of streams must act on: settings, windows, more headers. */
  | { readonly kind: "other" };

/** Our peers send 32 KiB at once. */
const frameLimitBytes = 4 * 1024 * 1024;

export class FrameError extends Error {}

function word(payload: Buffer, offset: number): number {
  if (payload.length < offset + 4) throw new FrameError(`Cannot read a frame: it has ${payload.length} bytes`);
  return payload.readUInt32BE(offset) & 0x7fffffff;
}

function parseControl(type: number, flags: number, payload: Buffer): Frame {
  switch (type) {
    case types.synStream:
      // After the number: associated stream (4), priority (1), slot (1).
      word(payload, 6);
      return { kind: "synStream", stream: word(payload, 0), fin: (flags & flagFin) !== 0, block: payload.subarray(10) };
    case types.rstStream:
      return { kind: "rstStream", stream: word(payload, 0) };
    case types.ping:
      if (payload.length !== 4) throw new FrameError("Cannot read a ping: it has no number");
      return { kind: "ping", id: payload.readUInt32BE() };
    case types.goAway:
      return { kind: "goAway" };
    default:
      return { kind: "other" };
  }
}

function parse(head: Buffer, payload: Buffer): Frame {
  const first = head.readUInt32BE();
  const flags = head.readUInt8(4);
  if (first < 0x80000000) return { kind: "data", stream: first, fin: (flags & flagFin) !== 0, data: payload };
  const spoken = (first >>> 16) & 0x7fff;
  if (spoken !== version) throw new FrameError(`Cannot read a frame of SPDY version ${spoken}, must be ${version}`);
  return parseControl(first & 0xffff, flags, payload);
}

/** Cuts what comes on a connection into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** The frames that are complete now. Throws FrameError for what is no SPDY/3.1. */
  push(chunk: Buffer): Frame[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    for (;;) {
      if (this.#rest.length < headBytes) return frames;
      const length = this.#rest.readUIntBE(5, 3);
      if (length > frameLimitBytes) throw new FrameError(`Cannot read a frame of ${length} bytes: it is too long`);
      const end = headBytes + length;
      if (this.#rest.length < end) return frames;
      frames.push(parse(this.#rest, this.#rest.subarray(headBytes, end)));
      this.#rest = this.#rest.subarray(end);
    }
  }
}

function control(type: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE((0x80000000 | (version << 16) | type) >>> 0);
  head.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([head, payload]);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
}

/** The head alone: the data follows as it is. */
export function dataHead(stream: number, length: number, { fin }: { fin: boolean }): Buffer {
  const head = words(stream, length);
  head.writeUInt8(fin ? flagFin : 0, 4);
  return head;
}

/** What a client asks for streams with. */
export const synStream = (stream: number, block: Buffer, { fin = false } = {}): Buffer => {
  const frame = control(types.synStream, Buffer.concat([words(stream, 0), Buffer.alloc(2), block]));
  frame.writeUInt8(fin ? flagFin : 0, 4);
  return frame;
};
export const synReply = (stream: number, block: Buffer): Buffer =>
  control(types.synReply, Buffer.concat([words(stream), block]));
/** 2.6.3: status 5, CANCEL; 2, INVALID_STREAM. */
export const rstStream = (stream: number, reason: "cancel" | "invalid"): Buffer =>
  control(types.rstStream, words(stream, reason === "cancel" ? 5 : 2));
export const ping = (id: number): Buffer => control(types.ping, words(id));
/** 2.6.6: status 0, OK. */
export const goAway = (lastStream: number): Buffer => control(types.goAway, words(lastStream, 0));
