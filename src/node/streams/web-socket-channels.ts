/**
 * Channels over one WebSocket: a message's first byte (or, in base64, digit) is the channel's number.
 * Source: Kubernetes's *.channel.k8s.io protocols; KEP-4006 for the fifth version, which tells the end of a channel.
 */
import { Readable, Writable } from "node:stream";
import type { RawData, WebSocket } from "ws";
import { quiet } from "./session.ts";

const closeChannel = 255;
/** A ping is the only way to learn that a peer is gone while nothing is read from it. */
const pingMs = 10_000;

/**
 * client-go before 1.36 throws away what comes before its streams are made ("Unknown stream id 1, discarding message").
 * A client with a terminal tells its size as soon as they are; of others nothing can be known.
 */
const firstWordMs = { terminal: 250, none: 10 } as const;

export interface ChannelOptions {
  readonly base64: boolean;
  readonly tty?: boolean;
}

const bytesOf = (data: RawData): Buffer =>
  Array.isArray(data) ? Buffer.concat(data) : Buffer.isBuffer(data) ? data : Buffer.from(data);

export class WebSocketChannels {
  readonly #socket: WebSocket;
  readonly #base64: boolean;
  readonly #readers = new Map<number, Readable>();
  readonly #gone = new AbortController();

  /** Resolves when the client can be expected to listen. */
  readonly listening: Promise<void>;

  constructor(socket: WebSocket, { base64, tty = false }: ChannelOptions) {
    this.#socket = socket;
    this.#base64 = base64;
    this.listening = new Promise((resolve) => {
      const timer = setTimeout(resolve, tty ? firstWordMs.terminal : firstWordMs.none);
      const listens = (): void => {
        clearTimeout(timer);
        resolve();
      };
      socket.once("message", listens).once("close", listens);
    });
    socket.on("message", (data) => this.#take(bytesOf(data)));
    socket.on("error", () => socket.terminate());
    const pings = setInterval(() => socket.ping(), pingMs).unref();
    socket.on("close", () => {
      clearInterval(pings);
      this.#gone.abort();
      for (const reader of this.#readers.values()) reader.destroy();
    });
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** What the client sends on a channel; while nobody reads it, nothing is taken from the connection. */
  reader(channel: number): Readable {
    const reader = quiet(new Readable({ read: () => this.#socket.resume() }));
    reader.once("close", () => this.#socket.resume());
    this.#readers.set(channel, reader);
    return reader;
  }

  writer(channel: number): Writable {
    return quiet(
      new Writable({
        write: (chunk: Buffer, _encoding, done) =>
          void this.listening.then(() => this.send(channel, chunk, (error) => done(error))),
      }),
    );
  }

  send(channel: number, data: Buffer, done?: (error?: Error | null) => void): void {
    const message = this.#base64
      ? `${channel}${data.toString("base64")}`
      : Buffer.concat([Buffer.from([channel]), data]);
    this.#socket.send(message, { binary: !this.#base64 }, done);
  }

  close(): void {
    this.#socket.close(1000);
  }

  #take(message: Buffer): void {
    const [channel, data] = this.#base64
      ? [Number(message.toString("latin1", 0, 1)), Buffer.from(message.toString("latin1", 1), "base64")]
      : [message[0], message.subarray(1)];
    if (channel === undefined) return;
    if (channel === closeChannel) this.#end(data[0]);
    else this.#push(channel, data);
  }

  #push(channel: number, data: Buffer): void {
    const reader = this.#readers.get(channel);
    if (!reader || reader.destroyed || reader.readableEnded || data.length === 0) return;
    if (!reader.push(data)) this.#socket.pause();
  }

  #end(channel = -1): void {
    const reader = this.#readers.get(channel);
    this.#readers.delete(channel);
    reader?.push(null);
  }
}
