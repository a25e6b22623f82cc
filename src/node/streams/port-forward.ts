/** Connections to ports of a Pod, as many as the client asks for, over one connection of its own. */
import { Socket } from "node:net";
import type { Duplex, Readable, Writable } from "node:stream";
import { SpdyConnection, type SpdyStream } from "./spdy/connection.ts";
import type { WebSocketChannels } from "./web-socket-channels.ts";

export const portForwardProtocol = "portforward.k8s.io";

/** Begins to connect to a port of the Pod's loopback. */
export type Dial = (port: number, family: 4 | 6) => number;

function open(dial: Dial, port: number, family: 4 | 6): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = new Socket({ fd: dial(port, family), readable: true, writable: true, allowHalfOpen: true });
    socket.once("error", reject);
    // A socket that is still connecting cannot be written to: an empty write tells when it can.
    socket.write("", (error) => {
      if (error) return reject(error);
      socket.off("error", reject);
      resolve(socket.on("error", () => undefined));
    });
  });
}

const refused = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ECONNREFUSED";

/** On IPv4's loopback, else on IPv6's. Rejects with one sentence. */
async function openPort(dial: Dial, port: number): Promise<Socket> {
  try {
    return await open(dial, port, 4).catch(() => open(dial, port, 6));
  } catch (error) {
    const why = refused(error) ? "connection refused" : String(error instanceof Error ? error.message : error);
    throw new Error(`failed to connect to localhost:${port} inside the Pod: ${why}`);
  }
}

/** Both ways until both have ended, or one has failed. */
function join(client: { readonly from: Readable; readonly to: Writable }, socket: Socket): Promise<void> {
  const { from, to } = client;
  from.pipe(socket);
  socket.pipe(to);
  from.once("close", () => {
    if (!from.readableEnded) socket.destroy();
  });
  return new Promise((resolve) => {
    to.once("close", () => {
      if (!to.writableFinished) socket.destroy();
    });
    socket.once("close", () => {
      to.end();
      // What nobody reads any more must not hold back the other streams.
      from.resume();
      resolve();
    });
  });
}

interface Pair {
  error?: SpdyStream;
  data?: SpdyStream;
}

async function forward({ error, data }: { error: SpdyStream; data: SpdyStream }, dial: Dial): Promise<void> {
  const port = Number(data.headers.port);
  try {
    if (!Number.isInteger(port) || port < 1 || port > 65535) throw new Error(`"${data.headers.port}" is no port`);
    const socket = await openPort(dial, port);
    await join({ from: data, to: data }, socket);
  } catch (fault) {
    error.write(fault instanceof Error ? fault.message : String(fault));
    data.end();
  }
  error.end();
}

/** Streams come in pairs of the same `requestid`: errors and data. Resolves when the connection has ended. */
export async function servePortForward(socket: Duplex, dial: Dial): Promise<void> {
  const pairs = new Map<string, Pair>();
  const connection = new SpdyConnection(socket, (stream) => {
    const { streamtype, requestid = stream.headers.port ?? "" } = stream.headers;
    if (streamtype !== "error" && streamtype !== "data") return void stream.destroy();
    const pair = pairs.get(requestid) ?? {};
    pair[streamtype] = stream;
    pairs.set(requestid, pair);
    if (streamtype === "error") stream.resume();
    const { error, data } = pair;
    if (!error || !data) return;
    pairs.delete(requestid);
    void forward({ error, data }, dial);
  });
  await connection.closed;
}

/** The older form: for each port that the URL names, a channel of data and one of errors, begun with the port's number. */
export async function serveChannels(channels: WebSocketChannels, ports: readonly number[], dial: Dial): Promise<void> {
  const done = ports.map(async (port, index) => {
    const [data, errors] = [2 * index, 2 * index + 1];
    const number = Buffer.alloc(2);
    number.writeUInt16LE(port);
    for (const channel of [data, errors]) channels.send(channel, number);
    const client = { from: channels.reader(data), to: channels.writer(data) };
    try {
      await join(client, await openPort(dial, port));
    } catch (fault) {
      channels.send(errors, Buffer.from(fault instanceof Error ? fault.message : String(fault)));
    }
  });
  await Promise.all(done);
  channels.close();
}
