/** exec and attach over SPDY: one stream each for error, stdin, stdout, stderr and resize. */
import type { Duplex } from "node:stream";
import { formatStatus } from "./exec-status.ts";
import { flushed, quiet, type Session, SizeReader, type StreamOptions } from "./session.ts";
import { SpdyConnection, type SpdyStream } from "./spdy/connection.ts";

/** Best first. */
export const spdyProtocols: readonly string[] = [
  "v4.channel.k8s.io",
  "v3.channel.k8s.io",
  "v2.channel.k8s.io",
  "channel.k8s.io",
];

const clientClosesMs = 1_000;
/** The kubelet's. */
const streamsMs = 30_000;

/** The first version has no name when the client names none, as the oldest do. */
export function chooseSpdyProtocol(offered: readonly string[]): string | undefined {
  return offered.length === 0 ? "channel.k8s.io" : spdyProtocols.find((name) => offered.includes(name));
}

function expected(protocol: string, options: StreamOptions): string[] {
  const resizes = options.tty && /^v[34]/.test(protocol);
  const names = ["stdin", "stdout", "stderr"] as const;
  return ["error", ...names.filter((name) => options[name]), ...(resizes ? ["resize"] : [])];
}

/** Resolves when the client has opened all streams; rejects when it does not in time or goes. */
export function spdySession(socket: Duplex, protocol: string, options: StreamOptions): Promise<Session> {
  const missing = new Set(expected(protocol, options));
  const streams = new Map<string, SpdyStream>();
  return new Promise((resolve, reject) => {
    const fail = (message: string): void => {
      clearTimeout(timer);
      connection.destroy();
      reject(new Error(message));
    };
    const timer = setTimeout(() => fail(`The client has not opened ${[...missing].join(", ")} in time`), streamsMs);
    const connection = new SpdyConnection(socket, (stream) => {
      const { streamtype = "" } = stream.headers;
      if (!missing.delete(streamtype)) return void stream.destroy();
      streams.set(streamtype, stream);
      if (missing.size > 0) return;
      clearTimeout(timer);
      resolve(sessionOf(connection, protocol, streams));
    });
    void connection.closed.then(() => fail("The client has gone"));
  });
}

function sessionOf(connection: SpdyConnection, protocol: string, streams: ReadonlyMap<string, SpdyStream>): Session {
  const gone = new AbortController();
  void connection.closed.then(() => gone.abort());
  const [stdin, stdout, stderr] = ["stdin", "stdout", "stderr"].map((name) => streams.get(name));
  // Nothing is read from these, but their ends must be seen.
  for (const stream of [stdout, stderr, streams.get("error")]) stream?.resume();
  return {
    stdin,
    stdout: stdout && quiet(stdout),
    stderr: stderr && quiet(stderr),
    gone: gone.signal,
    onResize(listener) {
      const reader = new SizeReader();
      streams.get("resize")?.on("data", (data: Buffer) => reader.push(data.toString()).forEach(listener));
    },
    async finish(status) {
      const text = formatStatus(status, { json: protocol === "v4.channel.k8s.io" });
      const error = streams.get("error");
      if (text) error?.write(text);
      await Promise.all([...streams.values()].map(flushed));
      // The client closes when it has read all; one that still writes then would complain.
      const timer = setTimeout(() => connection.close(), clientClosesMs);
      void connection.closed.then(() => clearTimeout(timer));
    },
  };
}
