/** Writes protobuf from its end to its start: the length of what is nested is known when its head is written. Source: protobuf wire format. */

const firstSize = 4096;
/** Up to here a loop beats the call of a native function. */
const shortText = 64;

export class ReverseWriter {
  #bytes = Buffer.allocUnsafe(firstSize);
  #at = firstSize;

  /** Bytes written so far. */
  get length(): number {
    return this.#bytes.length - this.#at;
  }

  #make(size: number): number {
    if (this.#at < size) this.#grow(size);
    this.#at -= size;
    return this.#at;
  }

  #grow(size: number): void {
    const { length } = this;
    const next = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, length + size));
    this.#bytes.copy(next, next.length - length, this.#at);
    this.#at = next.length - length;
    this.#bytes = next;
  }

  bytes(value: Buffer): void {
    value.copy(this.#bytes, this.#make(value.length));
  }

  /** Returns the size. */
  text(value: string): number {
    const { length } = value;
    if (length <= shortText) {
      const at = this.#make(length);
      let index = 0;
      for (; index < length; index++) {
        const code = value.charCodeAt(index);
        if (code > 127) break;
        this.#bytes[at + index] = code;
      }
      if (index === length) return length;
      this.#at += length;
    }
    const size = Buffer.byteLength(value);
    const at = this.#make(size);
    this.#bytes.write(value, at, size);
    return size;
  }

  /** Returns the size. */
  base64(value: string): number {
    const bytes = Buffer.from(value, "base64");
    this.bytes(bytes);
    return bytes.length;
  }

  double(value: number): void {
    this.#bytes.writeDoubleLE(value, this.#make(8));
  }

  varint(value: number): void {
    if (value >= 0 && value < 128) {
      this.#bytes[this.#make(1)] = value;
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

  /** What has been written; the writer is empty again. */
  take(): Buffer {
    const result = Buffer.from(this.#bytes.subarray(this.#at));
    this.#at = this.#bytes.length;
    return result;
  }
}
