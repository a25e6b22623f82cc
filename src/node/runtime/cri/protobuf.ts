/** Protobuf messages as tables of their fields (pure). Source: protobuf wire format; proto3: what is absent is zero. */

type Raw = bigint | Buffer;

/** A field: its number, how it is written, and what it is when it comes any number of times. */
export interface Field<In, Out> {
  readonly number: number;
  encode(value: In): Buffer;
  decode(raws: readonly Raw[]): Out;
}

type Fields = Readonly<Record<string, Field<never, unknown>>>;
export type In<F> = { readonly [K in keyof F]?: F[K] extends Field<infer I, unknown> ? I | undefined : never };
export type Out<F> = { readonly [K in keyof F]: F[K] extends Field<never, infer O> ? O : never };

export interface Message<F> {
  encode(value: In<F>): Buffer;
  decode(bytes: Buffer): Out<F>;
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  for (let rest = BigInt.asUintN(64, value); bytes.length === 0 || rest > 0n; rest >>= 7n) {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
  }
  return Buffer.from(bytes);
}

/** 0: a number, 2: so many bytes. */
const tag = (number: number, wire: 0 | 2): Buffer => varint(BigInt(number * 8 + wire));
const counted = (number: number, bytes: Buffer): Buffer =>
  Buffer.concat([tag(number, 2), varint(BigInt(bytes.length)), bytes]);
const nothing = Buffer.alloc(0);

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get more(): boolean {
    return this.#at < this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError("a protobuf message ends within a number");
  }

  take(length: number): Buffer {
    const taken = this.#bytes.subarray(this.#at, this.#at + length);
    if (taken.length < length) throw new RangeError("a protobuf message ends within a field");
    this.#at += length;
    return taken;
  }
}

const fixedSizes: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

function valuesOf(bytes: Buffer): Map<number, Raw[]> {
  const values = new Map<number, Raw[]>();
  const reader = new Reader(bytes);
  while (reader.more) {
    const key = Number(reader.varint());
    const wire = key & 7;
    const raw = wire === 0 ? reader.varint() : reader.take(fixedSizes[wire] ?? Number(reader.varint()));
    const before = values.get(key >>> 3);
    if (before) before.push(raw);
    else values.set(key >>> 3, [raw]);
  }
  return values;
}

export function message<F extends Fields>(fields: F): Message<F> {
  return {
    encode(value) {
      const given = value as Readonly<Record<string, never>>;
      const parts = Object.entries(fields).map(([name, field]) => {
        const own = given[name];
        return own === undefined ? nothing : field.encode(own);
      });
      return Buffer.concat(parts);
    },
    decode(bytes) {
      const values = valuesOf(bytes);
      const entries = Object.entries(fields).map(([name, field]) => [
        name,
        field.decode(values.get(field.number) ?? []),
      ]);
      return Object.fromEntries(entries) as Out<F>;
    },
  };
}

const bytesOf = (raw: Raw | undefined): Buffer => (Buffer.isBuffer(raw) ? raw : nothing);
const textOf = (raw: Raw | undefined): string => bytesOf(raw).toString();

export const string = (number: number): Field<string, string> => ({
  number,
  encode: (value) => (value === "" ? nothing : counted(number, Buffer.from(value))),
  decode: (raws) => textOf(raws.at(-1)),
});

export const bytes = (number: number): Field<Buffer, Buffer> => ({
  number,
  encode: (value) => counted(number, value),
  decode: (raws) => bytesOf(raws.at(-1)),
});

/** Of any size; beyond 2^53 not exact, as nanoseconds since 1970 are. */
export const int = (number: number): Field<number, number> => ({
  number,
  encode: (value) => (value === 0 ? nothing : Buffer.concat([tag(number, 0), varint(BigInt(Math.trunc(value)))])),
  decode: (raws) =>
    Number(BigInt.asIntN(64, BigInt(Buffer.isBuffer(raws.at(-1)) ? 0 : ((raws.at(-1) as bigint) ?? 0n)))),
});

export const bool = (number: number): Field<boolean, boolean> => ({
  number,
  encode: (value) => (value ? Buffer.concat([tag(number, 0), varint(1n)]) : nothing),
  decode: (raws) => raws.at(-1) === 1n,
});

export const strings = (number: number): Field<readonly string[], readonly string[]> => ({
  number,
  encode: (values) => Buffer.concat(values.map((value) => counted(number, Buffer.from(value)))),
  decode: (raws) => raws.map(textOf),
});

/** Packed, as proto3 has them. */
export const ints = (number: number): Field<readonly number[], readonly number[]> => ({
  number,
  encode: (values) =>
    values.length === 0 ? nothing : counted(number, Buffer.concat(values.map((value) => varint(BigInt(value))))),
  decode: (raws) =>
    raws.flatMap((raw) => {
      if (!Buffer.isBuffer(raw)) return Number(BigInt.asIntN(64, raw));
      const reader = new Reader(raw);
      const values: number[] = [];
      while (reader.more) values.push(Number(BigInt.asIntN(64, reader.varint())));
      return values;
    }),
});

/** Undefined when it is absent, which differs from empty. */
export const sub = <F>(number: number, type: Message<F>): Field<In<F>, Out<F> | undefined> => ({
  number,
  encode: (value) => counted(number, type.encode(value)),
  decode: (raws) => (raws.length === 0 ? undefined : type.decode(Buffer.concat(raws.map(bytesOf)))),
});

export const list = <F>(number: number, type: Message<F>): Field<readonly In<F>[], readonly Out<F>[]> => ({
  number,
  encode: (values) => Buffer.concat(values.map((value) => counted(number, type.encode(value)))),
  decode: (raws) => raws.map((raw) => type.decode(bytesOf(raw))),
});

const entry = message({ key: string(1), value: string(2) });
type Texts = Readonly<Record<string, string>>;

export const map = (number: number): Field<Texts, Texts> => ({
  number,
  encode: (value) =>
    Buffer.concat(Object.entries(value).map(([key, text]) => counted(number, entry.encode({ key, value: text })))),
  decode: (raws) =>
    Object.fromEntries(raws.map((raw) => entry.decode(bytesOf(raw))).map(({ key, value }) => [key, value])),
});
