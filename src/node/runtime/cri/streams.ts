/** exec and attach of CRI: at the address that containerd answers with, over SPDY. Source: KEP-4006; SPDY/3.1; v4.channel.k8s.io. */
import { once } from "node:events";
import { request } from "node:http";
import type { Socket } from "node:net";
import { PassThrough, type Readable, type Writable } from "node:stream";
import type { Stream } from "../../logs/log-line.ts";
import type { TerminalSize } from "../../sandbox/port.ts";
import { SpdyConnection, type SpdyStream } from "../../streams/spdy/connection.ts";
import type { ContainerStreams, ExecProcess } from "../container-runtime.ts";

/** A socket to a port of the machine's own loopback. */
export type DialMachine = (port: number) => Socket;

export interface Wanted {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

const protocol = "v4.channel.k8s.io";

async function upgrade(url: string, dial: DialMachine): Promise<SpdyConnection> {
  const { port, pathname, search } = new URL(url);
  const asked = request({
    ...{ method: "POST", path: `${pathname}${search}`, host: "127.0.0.1", port },
    // With an agent named, be it none, Node would not ask here and connect from the node's own namespace.
    createConnection: () => dial(Number(port)),
    headers: { connection: "Upgrade", upgrade: "SPDY/3.1", "x-stream-protocol-version": protocol },
  });
  asked.end();
  const answered = Promise.withResolvers<SpdyConnection>();
  asked.once("error", (error) =>
    answered.reject(new Error(`containerd's streams cannot be reached: ${error.message}`)),
  );
  asked.once("response", ({ statusCode }) => answered.reject(new Error(`containerd opened no streams: ${statusCode}`)));
  asked.once("upgrade", (_response, socket: Socket, head: Buffer) => {
    if (head.length > 0) socket.unshift(head);
    answered.resolve(SpdyConnection.toServer(socket));
  });
  return answered.promise;
}

interface Opened {
  readonly connection: SpdyConnection;
  readonly error: SpdyStream;
  readonly streams: Readonly<Partial<Record<"stdin" | "stdout" | "stderr" | "resize", SpdyStream>>>;
}

async function open(url: string, wanted: Wanted, dial: DialMachine): Promise<Opened> {
  const connection = await upgrade(url, dial);
  const error = connection.openStream({ streamtype: "error" });
  error.end();
  const names = ["stdin", "stdout", "stderr"] as const;
  const open = [...names.filter((name) => wanted[name]), ...(wanted.tty ? (["resize"] as const) : [])];
  const streams = Object.fromEntries(open.map((name) => [name, connection.openStream({ streamtype: name })]));
  return { connection, error, streams };
}

async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(stream, "close").catch(() => undefined);
  return Buffer.concat(chunks).toString();
}

interface Status {
  readonly status?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

/** 126 and 127 as shells say it. */
function codeOf({ status, message = "", details }: Status): { code: number; complaint?: string } {
  if (status === "Success") return { code: 0 };
  const cause = details?.causes?.find(({ reason }) => reason === "ExitCode");
  if (cause) return { code: Number(cause.message) };
  return { code: /no such file|not found/i.test(message) ? 127 : 126, complaint: message };
}

function parseStatus(text: string): Status {
  try {
    return JSON.parse(text) as Status;
  } catch {
    return { status: "Failure", message: text || "containerd has closed the connection" };
  }
}

const sizeLine = ({ columns, rows }: TerminalSize): string => `${JSON.stringify({ Width: columns, Height: rows })}\n`;

export async function openCriExec(url: string, wanted: Wanted, dial: DialMachine): Promise<ExecProcess> {
  const { connection, error, streams } = await open(url, wanted, dial);
  const [stdout, stderr] = [new PassThrough(), wanted.tty ? undefined : new PassThrough()];
  streams.stdout?.pipe(stdout, { end: false });
  if (stderr) streams.stderr?.pipe(stderr, { end: false });
  const exit = textOf(error).then((text) => {
    const { code, complaint } = codeOf(parseStatus(text));
    if (complaint !== undefined) (stderr ?? stdout).write(`${complaint}\n`);
    for (const stream of [stdout, stderr]) stream?.end();
    connection.close();
    return code;
  });
  return {
    ...{ stdin: streams.stdin ?? new PassThrough(), stdout, stderr, exit },
    resize: (size) => void streams.resize?.write(sizeLine(size)),
    kill: () => connection.destroy(),
  };
}

/** The connection is made when the first output is asked for, and ends with the last listener. */
export function openAttach(
  wanted: Wanted,
  dial: DialMachine,
  ask: () => Promise<string | undefined>,
): ContainerStreams {
  let opened: Promise<Opened | undefined> | undefined;
  const ensure = (): Promise<Opened | undefined> => {
    opened ??= ask().then((url) => (url === undefined ? undefined : open(url, wanted, dial)));
    opened.catch(() => undefined);
    return opened;
  };
  const send = (name: "stdin" | "resize", use: (stream: Writable) => void): void =>
    void ensure().then(
      (all) => all?.streams[name] && use(all.streams[name]),
      () => undefined,
    );
  return {
    onOutput(listener) {
      void ensure().then(
        (all) => {
          for (const name of ["stdout", "stderr"] as const satisfies readonly Stream[])
            all?.streams[name]?.on("data", (chunk: Buffer) => listener(chunk, name));
        },
        () => undefined,
      );
      return () =>
        void ensure().then(
          (all) => all?.connection.close(),
          () => undefined,
        );
    },
    openStdin() {
      if (!wanted.stdin) return undefined;
      const typed = new PassThrough();
      send("stdin", (stdin) => typed.pipe(stdin));
      return typed;
    },
    resize: (size) => send("resize", (stream) => stream.write(sizeLine(size))),
  };
}
