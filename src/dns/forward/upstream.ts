/** One server before us: "10.0.0.53:53", "[fd00::53]:53" (UDP, and TCP where an answer is too large) or "unix:/path" (stream). */
import { createSocket } from "node:dgram";
import { connect, isIP } from "node:net";
import { MAX_MESSAGE_SIZE, TC } from "../wire/constants.ts";

export interface Upstream {
  /** As it was given. */
  readonly name: string;
  /** Sends the query and resolves with the message that came back with the same id; rejects on failure or when `signal` aborts. */
  exchange(query: Buffer, signal: AbortSignal): Promise<Buffer>;
}

type StreamAddress = { readonly path: string } | { readonly host: string; readonly port: number };

const defaultPort = 53;

/** Throws RangeError for a text that is no upstream. */
export function parseUpstream(text: string): Upstream {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    if (!path.startsWith("/")) throw new RangeError(`Cannot use "${text}" as an upstream: must be unix:/absolute/path`);
    return { name: text, exchange: (query, signal) => exchangeStream({ path }, query, signal) };
  }
  const [, bracketed, plain, portText] = /^(?:\[(.+)\]|([^:]+|[^[\]]*:[^[\]]*:[^[\]]*?))(?::(\d+))?$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? "";
  const port = portText === undefined ? defaultPort : Number(portText);
  if (isIP(host) === 0 || port < 1 || port > 65_535) {
    throw new RangeError(`Cannot use "${text}" as an upstream: must be "address:port" or "unix:/path"`);
  }
  return {
    name: text,
    async exchange(query, signal) {
      const answer = await exchangeDatagram({ host, port }, query, signal);
      const truncated = ((answer[2] ?? 0) & TC) !== 0;
      return truncated ? exchangeStream({ host, port }, query, signal) : answer;
    },
  };
}

/** A socket of its own for each query: its random port is, beside the id, what a forger must guess (RFC 5452). */
function exchangeDatagram(to: { host: string; port: number }, query: Buffer, signal: AbortSignal): Promise<Buffer> {
  const socket = createSocket(isIP(to.host) === 6 ? "udp6" : "udp4");
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort);
  socket.on("error", reject);
  socket.on("message", (message) => {
    if (sameId(message, query)) resolve(message); // else: late or forged, the right one may still come
  });
  // Connected, the kernel drops what comes from elsewhere and tells of a port where nobody listens.
  socket.connect(to.port, to.host, () => {
    if (!signal.aborted) socket.send(query);
  });
  return promise.finally(() => {
    signal.removeEventListener("abort", abort);
    socket.close();
  });
}

/** Two bytes of length in front of each message (RFC 1035 section 4.2.2). */
function exchangeStream(to: StreamAddress, query: Buffer, signal: AbortSignal): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket = connect(to);
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort);
  let received: Buffer = Buffer.alloc(0);
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("the connection was closed without an answer")));
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    if (received.length < 2) return;
    const size = received.readUInt16BE(0);
    if (received.length < 2 + size) return;
    const message = received.subarray(2, 2 + size);
    if (sameId(message, query)) resolve(message);
    else reject(new Error("the answer has another id"));
  });
  const frame = Buffer.allocUnsafe(2);
  frame.writeUInt16BE(Math.min(query.length, MAX_MESSAGE_SIZE));
  socket.write(Buffer.concat([frame, query]));
  return promise.finally(() => {
    signal.removeEventListener("abort", abort);
    socket.destroy();
  });
}

function sameId(message: Buffer, query: Buffer): boolean {
  return message.length >= 12 && message[0] === query[0] && message[1] === query[1];
}
