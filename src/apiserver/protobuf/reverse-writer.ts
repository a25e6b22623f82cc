/** Writes protobuf from its end to its start: the length of what is nested is known when its head is written. Source: protobuf wire format. */

const firstSize = 4096;

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

  text(value: string): void {
    const size = Buffer.byteLength(value);
    const at = this.#make(size);
    this.#bytes.write(value, at, size);
  }

  base64(value: string): void {
    this.bytes(Buffer.from(value, "base64"));
  }

  double(value: number): void {
    this.#bytes.writeDoubleLE(value, this.#make(8));
  }

  varint(value: number): void {
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
