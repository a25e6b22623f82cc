/** Reads one HTTP/1.1 answer out of the bytes of a connection. Source: RFC 9112. */
import type { Answer } from "./http-connection.ts";

export interface ParserOptions {
  /** The answer to HEAD has no body. */
  readonly head: boolean;
  readonly onData: ((chunk: Buffer) => void) | undefined;
  readonly done: (answer: Answer) => void;
}

type State = "head" | "length" | "chunk-size" | "chunk" | "trailer" | "to-end" | "done";

const none = Buffer.alloc(0);

export class ResponseParser {
  readonly #options: ParserOptions;
  #state: State = "head";
  #rest: Buffer = none;
  #head = "";
  #status = 0;
  #left = 0;
  #lastChunk = false;
  #body: Buffer[] = [];

  constructor(options: ParserOptions) {
    this.#options = options;
  }

  feed(chunk: Buffer): void {
    let bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = none;
    while (this.#state !== "done") {
      const next = this.#step(bytes);
      if (next === undefined) break;
      bytes = next;
    }
    if (this.#state !== "done") this.#rest = bytes;
  }

  /** The connection ended: so does a body without a length. */
  end(): void {
    if (this.#state === "to-end") this.#finish();
  }

  /** What is left after one step; undefined: more bytes are needed (all of `bytes` are kept). */
  #step(bytes: Buffer): Buffer | undefined {
    switch (this.#state) {
      case "head":
        return this.#readHead(bytes);
      case "length":
      case "chunk":
        return this.#readCounted(bytes);
      case "chunk-size":
        return this.#readChunkSize(bytes);
      case "trailer":
        return this.#readTrailer(bytes);
      case "to-end":
        if (bytes.length === 0) return undefined;
        this.#take(bytes);
        return none;
      case "done":
        return undefined;
    }
  }

  #readHead(bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf("\r\n\r\n");
    if (end < 0) return undefined;
    this.#head = bytes.toString("latin1", 0, end).toLowerCase();
    this.#status = Number(this.#head.slice(9, 12));
    const rest = bytes.subarray(end + 4);
    if (this.#status >= 100 && this.#status < 200 && this.#status !== 101) return rest;
    this.#startBody();
    return rest;
  }

  #startBody(): void {
    const length = /\r\ncontent-length: (\d+)/.exec(this.#head)?.[1];
    this.#left = Number(length ?? 0);
    if (this.#options.head || this.#status === 204 || this.#status === 304 || length === "0") this.#finish();
    else if (length !== undefined) this.#state = "length";
    else this.#state = /\r\ntransfer-encoding: chunked/.test(this.#head) ? "chunk-size" : "to-end";
  }

  #readCounted(bytes: Buffer): Buffer | undefined {
    if (bytes.length === 0) return undefined;
    const part = bytes.subarray(0, this.#left);
    this.#left -= part.length;
    this.#take(part);
    if (this.#left === 0) {
      if (this.#state === "length") this.#finish();
      else this.#state = "trailer";
    }
    return bytes.subarray(part.length);
  }

  #readChunkSize(bytes: Buffer): Buffer | undefined {
    const end = bytes.indexOf("\r\n");
    if (end < 0) return undefined;
    this.#left = Number.parseInt(bytes.toString("latin1", 0, end), 16);
    this.#lastChunk = this.#left === 0;
    this.#state = this.#lastChunk ? "trailer" : "chunk";
    return bytes.subarray(end + 2);
  }

  /** The line's end after a chunk; after the last one it ends the answer. */
  #readTrailer(bytes: Buffer): Buffer | undefined {
    if (bytes.length < 2) return undefined;
    this.#state = "chunk-size";
    if (this.#lastChunk) this.#finish();
    return bytes.subarray(2);
  }

  #take(part: Buffer): void {
    if (this.#options.onData) this.#options.onData(part);
    else this.#body.push(part);
  }

  #finish(): void {
    this.#state = "done";
    const body = this.#body.length === 1 && this.#body[0] ? this.#body[0] : Buffer.concat(this.#body);
    this.#options.done({ status: this.#status, head: this.#head, body });
  }
}
