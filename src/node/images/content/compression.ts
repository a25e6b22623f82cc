/** Layers and archives come as they are, by gzip or by zstd: the first bytes tell, media types often lie. */
import { pipeline, Readable, type Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";

const magics: readonly { readonly bytes: Buffer; readonly decoder: () => Transform }[] = [
  { bytes: Buffer.from([0x1f, 0x8b]), decoder: () => createGunzip() },
  { bytes: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), decoder: () => createZstdDecompress() },
];
const magicBytes = 4;

/** What `source` holds, decompressed when need be; errors of either side come out of the result. */
export async function decompress(source: AsyncIterable<Buffer>): Promise<Readable> {
  const chunks = source[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  while (head.length < magicBytes) {
    const { done, value } = await chunks.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  const whole = Readable.from(
    (async function* () {
      if (head.length > 0) yield head;
      yield* { [Symbol.asyncIterator]: () => chunks };
    })(),
    { objectMode: false },
  );
  const found = magics.find(({ bytes }) => head.subarray(0, bytes.length).equals(bytes));
  // The callback keeps an early end from being thrown: the reader of the result gets the error.
  return found ? pipeline(whole, found.decoder(), () => undefined) : whole;
}
