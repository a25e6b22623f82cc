/**
 * A SPDY/3.1 connection: the server's side has streams that the client opens, the client's side opens them. Windows (flow control) are left out on both
 * sides, as the clients do that speak to a kubelet; a stream that nobody reads holds the connection back instead.
 */
import { Duplex } from "node:stream";
import {
  dataHead,
  type Frame,
  FrameError,
  FrameReader,
  goAway,
  ping,
  rstStream,
  synReply,
  synStream,
} from "./frames.ts";
import { HeaderReader, type Headers, HeaderWriter } from "./headers.ts";

/** What a stream holds for a slow reader before the connection waits for it. */
const streamLimitBytes = 1024 * 1024;
/** A write is the only way to learn that a peer is gone while nothing is read from it. */
const pingMs = 10_000;

type Send = (frame: readonly Buffer[], done?: (error?: Error | null) => void) => void;

export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: Headers;
  readonly #send: Send;
  #ended: boolean;
  #wake: () => void = () => undefined;

  constructor(id: number, headers: Headers, { send, fin }: { send: Send; fin: boolean }) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.headers = headers;
    this.#send = send;
    this.#ended = fin;
    if (fin) this.push(null);
    // Whoever uses the stream sees its end; a reset alone must not end the agent.
    this.on("error", () => undefined);
  }

  /** The client has sent something; resolves when there is room for more. */
  async accept(data: Buffer, fin: boolean): Promise<void> {
    if (this.#ended || this.destroyed) return;
    if (data.length > 0) this.push(data);
    if (fin) {
      this.#ended = true;
      this.push(null);
    }
    while (this.readableLength > streamLimitBytes && !this.destroyed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  override _read(): void {
    this.#wake();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send([dataHead(this.id, chunk.length, { fin: false }), chunk], done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#send([dataHead(this.id, 0, { fin: true })], done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#wake();
    done(error);
  }
}

export class SpdyConnection {
  readonly #socket: Duplex;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #onStream: (stream: SpdyStream) => void;
  readonly #frames = new FrameReader();
  readonly #headers = { in: new HeaderReader(), out: new HeaderWriter() };
  readonly #pings: NodeJS.Timeout;
  #lastStream = 0;
  #lastPing: number;
  /** A server's numbers are even, a client's odd. */
  readonly #parity: 0 | 1;
  /** Resolves when nothing comes or goes any more. */
  readonly closed: Promise<void>;

  constructor(socket: Duplex, onStream: (stream: SpdyStream) => void, { client = false } = {}) {
    this.#socket = socket;
    this.#onStream = onStream;
    this.#parity = client ? 1 : 0;
    this.#lastPing = -this.#parity;
    this.closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => undefined);
    this.#pings = setInterval(() => {
      this.#lastPing += 2;
      this.#send([ping(this.#lastPing)]);
    }, pingMs).unref();
    void this.closed.then(() => this.#cleanUp());
    void this.#run();
  }

  /** The client's side: streams that the server opens are refused. */
  static toServer(socket: Duplex): SpdyConnection {
    return new SpdyConnection(socket, (stream) => void stream.destroy(), { client: true });
  }

  openStream(headers: Headers): SpdyStream {
    const id = this.#lastStream === 0 ? 1 : this.#lastStream + 2;
    this.#lastStream = id;
    this.#send([synStream(id, this.#headers.out.encode(headers))]);
    return this.#add(id, headers, false);
  }

  /** Sends what is written, then ends the connection. */
  close(): void {
    this.#send([goAway(this.#lastStream)]);
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  readonly #send: Send = (frame, done) => {
    if (this.#socket.destroyed || this.#socket.writableEnded) {
      done?.(new Error("The connection is closed"));
      return;
    }
    this.#socket.cork();
    for (const [index, part] of frame.entries()) {
      this.#socket.write(part, index === frame.length - 1 ? done : undefined);
    }
    this.#socket.uncork();
  };

  async #run(): Promise<void> {
    try {
      for await (const chunk of this.#socket) {
        for (const frame of this.#frames.push(chunk as Buffer)) await this.#take(frame);
      }
    } catch {
      // The peer is gone, or speaks something else: there is nothing that could be said to it.
    }
    this.#socket.destroy();
  }

  async #take(frame: Frame): Promise<void> {
    switch (frame.kind) {
      case "synStream":
        return this.#open(frame);
      case "data": {
        const stream = this.#streams.get(frame.stream);
        if (!stream) return this.#send([rstStream(frame.stream, "invalid")]);
        return stream.accept(frame.data, frame.fin);
      }
      case "rstStream":
        this.#streams.get(frame.stream)?.destroy();
        return;
      case "ping":
        // 2.6.5: those with our numbers are answers to ours.
        if (frame.id % 2 !== this.#parity) this.#send([ping(frame.id)]);
        return;
      case "goAway":
      case "other":
        return;
    }
  }

  async #open({ stream: id, fin, block }: Extract<Frame, { kind: "synStream" }>): Promise<void> {
    if (id <= this.#lastStream || id % 2 === this.#parity)
      throw new FrameError(`Cannot open a stream with the number ${id}`);
    const headers = await this.#headers.in.decode(block);
    this.#lastStream = id;
    const stream = this.#add(id, headers, fin);
    this.#send([synReply(id, this.#headers.out.encode({}))]);
    this.#onStream(stream);
  }

  #add(id: number, headers: Headers, fin: boolean): SpdyStream {
    const stream = new SpdyStream(id, headers, { send: this.#send, fin });
    this.#streams.set(id, stream);
    stream.once("close", () => {
      this.#streams.delete(id);
      if (!stream.writableFinished) this.#send([rstStream(id, "cancel")]);
    });
    return stream;
  }

  #cleanUp(): void {
    clearInterval(this.#pings);
    this.#headers.in.close();
    for (const stream of this.#streams.values()) stream.destroy();
  }
}
