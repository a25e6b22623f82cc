/** exec and attach over a WebSocket. */
import type { WebSocket } from "ws";
import { formatStatus } from "./exec-status.ts";
import { flushed, type Session, SizeReader, type StreamOptions } from "./session.ts";
import { WebSocketChannels } from "./web-socket-channels.ts";

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

interface Version {
  readonly base64: boolean;
  /** The error channel carries a Status. */
  readonly status: boolean;
}

/** Best first; undefined: the client has asked for none. */
const versions: readonly (readonly [string | undefined, Version])[] = [
  ["v5.channel.k8s.io", { base64: false, status: true }],
  ["v4.channel.k8s.io", { base64: false, status: true }],
  ["v4.base64.channel.k8s.io", { base64: true, status: true }],
  ["channel.k8s.io", { base64: false, status: false }],
  ["base64.channel.k8s.io", { base64: true, status: false }],
  [undefined, { base64: false, status: false }],
];

export interface WebSocketProtocol extends Version {
  readonly name: string | undefined;
}

/** Undefined: none of those that the client speaks. */
export function chooseWebSocketProtocol(offered: readonly string[]): WebSocketProtocol | undefined {
  const found = versions.find(([name]) => (name === undefined ? offered.length === 0 : offered.includes(name)));
  return found && { name: found[0], ...found[1] };
}

export const webSocketProtocols: readonly string[] = versions.flatMap(([name]) => name ?? []);

export function webSocketSession(socket: WebSocket, protocol: WebSocketProtocol, options: StreamOptions): Session {
  const channels = new WebSocketChannels(socket, { base64: protocol.base64, tty: options.tty });
  const sizes = options.tty ? channels.reader(channel.resize) : undefined;
  const session: Session = {
    stdin: options.stdin ? channels.reader(channel.stdin) : undefined,
    stdout: options.stdout ? channels.writer(channel.stdout) : undefined,
    stderr: options.stderr ? channels.writer(channel.stderr) : undefined,
    onResize(listener) {
      const reader = new SizeReader();
      sizes?.on("data", (data: Buffer) => reader.push(data.toString()).forEach(listener));
    },
    gone: channels.gone,
    async finish(status) {
      await Promise.all([channels.listening, flushed(session.stdout), flushed(session.stderr)]);
      const text = formatStatus(status, { json: protocol.status });
      if (text) channels.send(channel.error, Buffer.from(text));
      channels.close();
    },
  };
  // As the kubelet does: it tells the client that all is set up.
  const first = options.stdout ? channel.stdout : options.stderr ? channel.stderr : channel.error;
  void channels.listening.then(() => channels.send(first, Buffer.alloc(0)));
  return session;
}
