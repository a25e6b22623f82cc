/** One HTTP/1.1 connection, byte by byte in our own hands: it costs a client little, and may send what no library would. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { ResponseParser } from "./response-parser.ts";

export interface Endpoint {
  readonly port: number;
  readonly ca: string;
  /** The client's own certificate; none: anonymous. */
  readonly certificate?: string;
  readonly key?: string;
  /** Instead of a certificate, for a server that signs its own and reads tokens. */
  readonly token?: string;
}

export interface Answer {
  readonly status: number;
  /** The head as it came, in lower case. */
  readonly head: string;
  readonly body: Buffer;
}

export interface Streaming {
  /** Called with pieces of the body as they come; they are not gathered then. */
  readonly onData?: (chunk: Buffer) => void;
}

export async function connectSocket({ port, ca, certificate, key, token }: Endpoint): Promise<Socket> {
  const own = certificate && key ? { cert: certificate, key } : {};
  const socket = connectTls({
    host: "127.0.0.1",
    port,
    ca,
    ...own,
    rejectUnauthorized: !token,
    ALPNProtocols: ["http/1.1"],
  });
  socket.on("error", () => {});
  socket.setNoDelay(true);
  await once(socket, "secureConnect");
  return socket;
}

/** One request at a time. */
export class HttpConnection {
  readonly socket: Socket;
  #parser: ResponseParser | undefined;
  #fail: ((error: Error) => void) | undefined;
  #closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => this.#parser?.feed(chunk));
    socket.on("close", () => {
      this.#closed = true;
      this.#parser?.end();
      this.#fail?.(new Error("The connection ended before the answer did"));
    });
  }

  static async open(endpoint: Endpoint): Promise<HttpConnection> {
    return new HttpConnection(await connectSocket(endpoint));
  }

  /** False once it is closed, or the server will close it. */
  get usable(): boolean {
    return !this.#closed && !this.socket.destroyed && !this.socket.writableEnded;
  }

  /** Sends these bytes as they are; resolves with the next whole answer (1xx left out). */
  ask(request: Buffer | string, { onData }: Streaming = {}): Promise<Answer> {
    if (this.#closed) return Promise.reject(new Error("The connection is closed"));
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      this.#parser = new ResponseParser({
        head: /^HEAD /.test(request.toString("latin1", 0, 5)),
        onData,
        done: (answer) => {
          this.#fail = undefined;
          this.#parser = undefined;
          if (/\r\nconnection: close/.test(answer.head)) this.socket.end();
          resolve(answer);
        },
      });
      this.socket.write(request);
    });
  }

  close(): void {
    this.socket.destroy();
  }
}

/** The bytes of a request with a body of known length. */
export function requestBytes(
  method: string,
  path: string,
  { headers = {}, body = Buffer.alloc(0) }: { headers?: Readonly<Record<string, string>>; body?: Buffer | string } = {},
): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = Buffer.byteLength(body);
  const sized = length > 0 || method === "POST" ? `content-length: ${length}\r\n` : "";
  const head = `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${lines.join("")}${sized}\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), Buffer.from(body)]);
}
