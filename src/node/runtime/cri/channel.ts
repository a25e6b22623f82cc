/** gRPC over HTTP/2 on a unix socket, calls with one message each way. Source: "gRPC over HTTP2". */
import type { ClientHttp2Session, IncomingHttpHeaders } from "node:http2";
import { connect as connectSocket } from "node:net";
import type { In, Message, Out } from "./protobuf.ts";

/** By the numbers of their codes. */
export const grpcCodes = { notFound: 5, deadlineExceeded: 4, unavailable: 14, unimplemented: 12 } as const;

/** What the other side refused, in its words. */
export class GrpcError extends Error {
  readonly code: number;
  constructor(code: number, text: string) {
    super(text);
    this.code = code;
  }
}

export interface Method<Q, A> {
  readonly path: string;
  readonly request: Message<Q>;
  readonly answer: Message<A>;
}

const headBytes = 5;

/** Not compressed, and its length. */
function frame(body: Buffer): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

type Trailers = Readonly<Record<string, unknown>>;

function refusalOf(trailers: Trailers): GrpcError | undefined {
  const code = Number(trailers["grpc-status"] ?? 2);
  if (code === 0) return undefined;
  return new GrpcError(code, decodeURIComponent(String(trailers["grpc-message"] ?? "no reason was given")));
}

export class GrpcChannel {
  readonly #socket: string;
  #session: Promise<ClientHttp2Session> | undefined;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Rejects with GrpcError, of code unavailable when nobody answers at the socket. */
  async call<Q, A>({ path, request, answer }: Method<Q, A>, message: In<Q>, timeoutMs: number): Promise<Out<A>> {
    const session = await this.#connected();
    const body = await exchange(session, { path, body: frame(request.encode(message)), timeoutMs });
    return answer.decode(body.subarray(headBytes));
  }

  close(): void {
    void this.#session?.then(
      (session) => session.destroy(),
      () => undefined,
    );
    this.#session = undefined;
  }

  #connected(): Promise<ClientHttp2Session> {
    this.#session ??= this.#connect().catch((error: unknown) => {
      this.#session = undefined;
      throw error;
    });
    return this.#session;
  }

  async #connect(): Promise<ClientHttp2Session> {
    // Loaded when it is needed: most nodes have no use for it.
    const { connect } = await import("node:http2");
    const session = connect("http://localhost", { createConnection: () => connectSocket(this.#socket) });
    await new Promise<void>((resolve, reject) => {
      session.once("connect", () => resolve());
      session.once("error", (error) =>
        reject(new GrpcError(grpcCodes.unavailable, `nobody answers at ${this.#socket}: ${error.message}`)),
      );
    });
    session.on("error", () => undefined);
    session.once("close", () => {
      this.#session = undefined;
    });
    // Calls that are under way keep the process alive, an idle connection does not.
    session.unref();
    return session;
  }
}

interface Exchange {
  readonly path: string;
  readonly body: Buffer;
  readonly timeoutMs: number;
}

function exchange(session: ClientHttp2Session, { path, body, timeoutMs }: Exchange): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ...{ ":method": "POST", ":path": path, ":scheme": "http", "content-type": "application/grpc", te: "trailers" },
      "grpc-timeout": `${Math.ceil(timeoutMs)}m`,
    });
    const late = setTimeout(() => {
      reject(new GrpcError(grpcCodes.deadlineExceeded, `${path} was not answered within ${timeoutMs / 1000}s`));
      stream.destroy();
    }, timeoutMs + 1000);
    const chunks: Buffer[] = [];
    let trailers: Trailers = {};
    // An answer without a message has its status among its headers.
    const take = (headers: IncomingHttpHeaders) => {
      trailers = headers;
    };
    stream.on("response", take).on("trailers", take);
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", (error) => reject(new GrpcError(grpcCodes.unavailable, error.message)));
    stream.on("close", () => {
      clearTimeout(late);
      const refusal = refusalOf(trailers);
      if (refusal) reject(refusal);
      else resolve(Buffer.concat(chunks));
    });
    stream.end(body);
  });
}
