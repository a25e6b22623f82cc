/** Header blocks: names and values, in one zlib stream for the life of a connection. Source: SPDY/3.1 draft, 2.6.10. */
import { constants, createInflate } from "node:zlib";
import { dictionary, dictionaryId } from "./dictionary.ts";
import { FrameError } from "./frames.ts";

export type Headers = Readonly<Record<string, string>>;

const blockLimitBytes = 64 * 1024;

/** `{ streamtype: "stdin" }` → count, then length and bytes of each name and value. */
function formatBlock(headers: Headers): Buffer {
  const text = (value: string): Buffer[] => {
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return [length, bytes];
  };
  const entries = Object.entries(headers);
  const count = Buffer.alloc(4);
  count.writeUInt32BE(entries.length);
  return Buffer.concat([count, ...entries.flatMap(([name, value]) => [...text(name.toLowerCase()), ...text(value)])]);
}

function parseBlock(block: Buffer): Headers {
  let offset = 0;
  const take = (length: number): Buffer => {
    if (offset + length > block.length) throw new FrameError("Cannot read headers: they end too early");
    offset += length;
    return block.subarray(offset - length, offset);
  };
  const text = (): string => take(take(4).readUInt32BE()).toString();
  const headers: Record<string, string> = {};
  for (let left = take(4).readUInt32BE(); left > 0; left--) headers[text().toLowerCase()] = text();
  return headers;
}

/** RFC 1950, section 2.2: 32 KiB window, no compression, with a dictionary. */
function zlibHead(): Buffer {
  const head = Buffer.from([0x78, 0x20, 0, 0, 0, 0]);
  head.writeUInt32BE(dictionaryId, 2);
  return head;
}

/** An empty stored block. Without it Go's reader waits for more before it hands out what it has. */
const flush = Buffer.from([0, 0, 0, 0xff, 0xff]);

/**
 * Writes blocks without compressing them (RFC 1951, section 3.2.4: stored): a server's headers are a few bytes, and so
 * frames can be written at once, in order.
 */
export class HeaderWriter {
  #begun = false;

  encode(headers: Headers): Buffer {
    const block = formatBlock(headers);
    if (block.length > 0xffff) throw new RangeError(`Cannot write headers of ${block.length} bytes`);
    const stored = Buffer.alloc(5);
    stored.writeUInt16LE(block.length, 1);
    stored.writeUInt16LE(block.length ^ 0xffff, 3);
    const head = this.#begun ? [] : [zlibHead()];
    this.#begun = true;
    return Buffer.concat([...head, stored, block, flush]);
  }
}

/** Reads blocks, one after the other. */
export class HeaderReader {
  readonly #inflate = createInflate({ dictionary, flush: constants.Z_SYNC_FLUSH, chunkSize: blockLimitBytes });

  constructor() {
    // Told to `decode` by its callback.
    this.#inflate.on("error", () => undefined);
  }

  /** Rejects with FrameError. */
  decode(block: Buffer): Promise<Headers> {
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown): void => reject(new FrameError("Cannot decompress headers", { cause }));
      this.#inflate.once("error", fail);
      this.#inflate.write(block, (error) => {
        this.#inflate.off("error", fail);
        if (error) return fail(error);
        try {
          resolve(parseBlock(this.#inflate.read() ?? Buffer.alloc(0)));
        } catch (fault) {
          reject(fault);
        }
      });
    });
  }

  close(): void {
    this.#inflate.destroy();
  }
}
