/** The sockets of port 53: datagrams, and streams of framed messages (RFC 1035 section 4.2, RFC 7766). */
import { createSocket } from "node:dgram";
import { createServer, isIPv6, type Server, type Socket } from "node:net";
import type { Log } from "../lib/log.ts";
import type { Family } from "./metrics.ts";
import type { Resolver } from "./resolver.ts";

export interface ListenOptions {
  readonly address: string;
  readonly port: number;
  readonly resolver: Resolver;
  readonly log: Log;
  readonly openUdpBatches?: OpenUdpBatches | undefined;
}

/** A bound socket, for Node's dgram to take over, that also receives in batches. */
export interface UdpBatches {
  readonly fd: number;
  /** Hands `handle` each datagram that has come, up to a bound, and sends what it returns, now or through `later`. */
  drain(handle: (packet: Buffer, later: (reply: Buffer) => void) => Buffer | undefined): void;
  /** To be called when the socket is closed: nothing is sent any more. */
  close(): void;
}

export type OpenUdpBatches = (address: string, port: number, bufferBytes: number) => UdpBatches;

export interface Listener {
  /** The port that it has, where 0 was asked for. */
  readonly port: number;
  close(): void;
}

const receiveBufferBytes = 4 << 20;
const maxConnections = 1_000;
const idleTimeoutMs = 10_000;
/** A client that sends more without reading answers is not read from. */
const maxUnansweredPerConnection = 100;

/**
 * Node's own datagrams wake us; then, where `openBatches` is given, what has come meanwhile is answered in batches: at low load one more system
 * call, at high load 64 queries for two.
 */
export async function listenUdp(options: ListenOptions): Promise<Listener> {
  const { address, port, resolver, log, openUdpBatches } = options;
  const family = familyOf(address);
  const transport = { protocol: "udp", family } as const;
  const socket = createSocket({ type: family === 2 ? "udp6" : "udp4" });
  const batches = openUdpBatches?.(address, port, receiveBufferBytes);
  socket.on("message", (packet, { address: from, port: fromPort }) => {
    const send = (reply: Buffer): void => socket.send(reply, fromPort, from, ignore);
    const reply = resolver.handle(packet, transport, send);
    if (reply) send(reply);
    batches?.drain((other, later) => resolver.handle(other, transport, later));
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(batches ? { fd: batches.fd } : { port, address }, () => {
      socket.off("error", reject);
      resolve();
    });
  });
  socket.on("error", (error) => log.warn("UDP socket failed", { error }));
  return {
    port: socket.address().port,
    close() {
      batches?.close();
      socket.close();
    },
  };
}

/** An answer that cannot be sent is lost, as any datagram may be; the client asks again. */
function ignore(): void {}

export async function listenTcp(options: ListenOptions): Promise<Listener> {
  const { address, port, log } = options;
  const connections = new Set<Socket>();
  const server: Server = createServer((socket) => {
    connections.add(socket);
    socket.on("close", () => connections.delete(socket));
    serve(socket, options);
  });
  server.maxConnections = maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: address, port }, resolve);
  });
  server.on("error", (error) => log.warn("TCP socket failed", { error }));
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound ? bound.port : port,
    close() {
      server.close();
      for (const socket of connections) socket.destroy();
    },
  };
}

function serve(socket: Socket, { resolver, address }: ListenOptions): void {
  const transport = { protocol: "tcp", family: familyOf(address) } as const;
  let unanswered = 0;
  let received: Buffer = Buffer.alloc(0);
  const send = (reply: Buffer): void => {
    if (socket.destroyed) return;
    const frame = Buffer.allocUnsafe(2 + reply.length);
    frame.writeUInt16BE(reply.length);
    reply.copy(frame, 2);
    if (!socket.write(frame)) socket.pause();
  };
  const later = (reply: Buffer): void => {
    unanswered--;
    send(reply);
    socket.resume();
    drain();
  };
  const drain = (): void => {
    while (received.length >= 2 && !socket.destroyed) {
      const size = received.readUInt16BE(0);
      if (received.length < 2 + size) return;
      if (unanswered >= maxUnansweredPerConnection) {
        socket.pause();
        return;
      }
      const packet = received.subarray(2, 2 + size);
      received = received.subarray(2 + size);
      unanswered++;
      const reply = resolver.handle(packet, transport, later);
      if (!reply) continue;
      unanswered--;
      send(reply);
    }
  };
  socket.setTimeout(idleTimeoutMs, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("drain", () => socket.resume());
  socket.on("data", (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    drain();
  });
}

function familyOf(address: string): Family {
  return isIPv6(address) ? 2 : 1;
}
