/** Writes protobuf from its end to its start: the length of what is nested is known when its head is written. Source: protobuf wire format. */

const firstSize = 64 * 1024;
/** Less than this is copied out of the buffer; with more the buffer itself is handed out. */
const worthHanding = 32 * 1024;
/** Buffers that came back, for the next ones: fresh memory costs as much as what is written to it. */
const mostSpare = 2;
const longestSpare = 2 * 1024 * 1024;
/** Up to here a loop beats the call of a native function. */
const short = 64;

export class ReverseWriter {
  #bytes = Buffer.allocUnsafe(firstSize);
  readonly #spare: Buffer<ArrayBuffer>[] = [];
  readonly #out = new WeakMap<ArrayBufferLike, Buffer<ArrayBuffer>>();
  #end = firstSize;
  #at = firstSize;

  /** Bytes written so far. */
  get length(): number {
    return this.#end - this.#at;
  }

  #make(size: number): number {
    if (this.#at < size) this.#grow(size);
    this.#at -= size;
    return this.#at;
  }

  #grow(size: number): void {
    const { length } = this;
    const before = this.#bytes.subarray(this.#at);
    this.#use(Math.max(this.#end * 2, length + size));
    this.bytes(before);
  }

  #use(size: number): void {
    const spare = this.#spare.pop();
    this.#bytes = spare && spare.length >= size ? spare : Buffer.allocUnsafe(size);
    this.#end = this.#bytes.length;
    this.#at = this.#end;
  }

  /** So much will be written, or less: a long answer need not be moved while it grows. */
  reserve(size: number): void {
    if (this.#at < size) this.#grow(size);
  }

  bytes(value: Buffer): void {
    this.copy(value, 0, value.length);
  }

  copy(from: Buffer, start: number, end: number): void {
    const size = end - start;
    const at = this.#make(size);
    const to = this.#bytes;
    if (size > short) from.copy(to, at, start, end);
    else for (let index = 0; index < size; index++) to[at + index] = from[start + index] as number;
  }

  /** Returns the size. */
  text(value: string): number {
    const size = Buffer.byteLength(value);
    const at = this.#make(size);
    this.#bytes.write(value, at, size);
    return size;
  }

  double(value: number): void {
    const at = this.#make(8);
    this.#bytes.writeDoubleLE(value, at);
  }

  varint(value: number): void {
    if (value >= 0 && value < 128) {
      const at = this.#make(1);
      this.#bytes[at] = value;
      return;
    }
    if (value >= 0 && value < 16384) {
      const at = this.#make(2);
      this.#bytes[at] = value | 0x80;
      this.#bytes[at + 1] = value >> 7;
      return;
    }
    if (value < 0 || value > Number.MAX_SAFE_INTEGER) {
      this.#bigVarint(BigInt.asUintN(64, BigInt(value)));
      return;
    }
    let size = 1;
    for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++;
    let at = this.#make(size);
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[at++] = (rest % 128) | 0x80;
    this.#bytes[at] = rest;
  }

  #bigVarint(value: bigint): void {
    const parts: number[] = [];
    let rest = value;
    for (; rest >= 128n; rest >>= 7n) parts.push(Number(rest & 0x7fn) | 0x80);
    parts.push(Number(rest));
    this.bytes(Buffer.from(parts));
  }

  /** The head of a field whose value, of `length` bytes, has been written. */
  head(number: number, length: number): void {
    this.varint(length);
    this.varint(number * 8 + 2);
  }

  uint32BE(value: number): void {
    const at = this.#make(4);
    this.#bytes.writeUInt32BE(value, at);
  }

  clear(): void {
    this.#at = this.#end;
  }

  /** A copy of the last `size` bytes written. */
  copyOf(size: number): Buffer {
    const copy = Buffer.allocUnsafe(size);
    this.#bytes.copy(copy, 0, this.#at, this.#at + size);
    return copy;
  }

  /** What has been written; the writer is empty again. */
  take(): Buffer {
    const bytes = this.#bytes;
    const written = bytes.subarray(this.#at);
    if (written.length < worthHanding) {
      this.clear();
      return Buffer.from(written);
    }
    this.#out.set(bytes.buffer, bytes);
    this.#use(firstSize);
    return written;
  }

  /** Takes back what take() gave: nobody may look at it any more. */
  giveBack(written: Buffer): void {
    const bytes = this.#out.get(written.buffer);
    if (!bytes || bytes.length > longestSpare || this.#spare.length >= mostSpare) return;
    this.#out.delete(written.buffer);
    this.#spare.push(bytes);
  }
}
