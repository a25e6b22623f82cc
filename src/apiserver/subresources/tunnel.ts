/** Hands a request on to another server, with its body or as an upgraded connection, and the answer back. */
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";
import { type Duplex, pipeline } from "node:stream";
import { upgradeOf } from "../upgrade.ts";

const connectTimeoutMs = 30_000;

// An import of node:http would evaluate all of its exports, WebSocket among them.
const { request: httpRequest } = process.getBuiltinModule("node:http");

/** The one who answers, and with which words on its first line. */
export interface Target {
  readonly protocol: "http:" | "https:";
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly agent: false;
  /** For https; false: whoever answers is taken for it. */
  readonly rejectUnauthorized?: boolean;
}

export interface Passage {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Ends everything. */
  readonly signal: AbortSignal;
  /** Takes an ordinary answer over instead of having it handed on as it is. */
  readonly onAnswer?: (answer: IncomingMessage) => Promise<void>;
}

/** Of one connection only (RFC 9110, section 7.6.1), and what was meant for this server. */
const notPassed = new Set([
  "authorization",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "impersonate-user",
  "impersonate-group",
  "impersonate-uid",
]);
const upgradeHeaders = new Set(["connection", "upgrade"]);

function passedHeaders(headers: IncomingHttpHeaders, upgrades: boolean): Record<string, string | string[]> {
  const passed: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    // HTTP/2's own fields begin with a colon.
    if (value === undefined || name.startsWith(":") || notPassed.has(name) || name.startsWith("impersonate-extra-"))
      continue;
    // The body is sent on in the same way: with its length, or in chunks.
    if (name === "transfer-encoding" || (upgradeHeaders.has(name) && !upgrades)) continue;
    passed[name] = value;
  }
  return passed;
}

function answerHead({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  for (let index = 0; index < rawHeaders.length; index += 2)
    lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
}

const answerNotPassed = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade"]);

/** The status and headers of an answer, but for those of its connection. */
export function passHead(answer: IncomingMessage, response: ServerResponse): void {
  for (const [name, values] of Object.entries(answer.headersDistinct)) {
    if (values && !answerNotPassed.has(name)) response.setHeader(name, values);
  }
  response.writeHead(answer.statusCode ?? 502);
}

function passAnswer(answer: IncomingMessage, response: ServerResponse): void {
  passHead(answer, response);
  response.flushHeaders();
  pipeline(answer, response, () => undefined);
}

function join(client: Duplex, server: Duplex): void {
  // An end is handed on, and the other direction may go on; a failure of one is the end of both.
  pipeline(client, server, (error) => error && server.destroy());
  pipeline(server, client, (error) => error && client.destroy());
}

/** Resolves when the other server has begun to answer; rejects when it cannot be reached. */
export function passOn(target: Target, passage: Passage): Promise<void> {
  const { request, response, signal, onAnswer } = passage;
  const upgrade = upgradeOf(request);
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const { method = "GET" } = request;
  const options = {
    ...target,
    method,
    headers: { ...passedHeaders(request.headers, upgrade !== undefined), ...target.headers },
    signal: AbortSignal.any([gone.signal, signal]),
  };
  return new Promise((resolve, reject) => {
    const asked: ClientRequest = target.protocol === "https:" ? httpsRequest(options) : httpRequest(options);
    asked.setTimeout(connectTimeoutMs, () => {
      if (asked.socket?.connecting) asked.destroy(new Error(`dial tcp ${target.host}:${target.port}: i/o timeout`));
    });
    asked.on("error", reject);
    asked.on("response", (answer) => {
      answer.on("error", () => response.destroy());
      resolve(onAnswer ? onAnswer(answer) : passAnswer(answer, response));
    });
    asked.on("upgrade", (answer, server, first) => {
      if (!upgrade) return void server.destroy();
      response.statusCode = answer.statusCode ?? 101;
      response.detachSocket(upgrade.socket);
      upgrade.socket.once("close", () => response.emit("close"));
      upgrade.socket.write(answerHead(answer));
      if (first.length > 0) upgrade.socket.write(first);
      if (upgrade.head.length > 0) server.write(upgrade.head);
      join(upgrade.socket, server);
      const end = (): void => void upgrade.socket.destroy();
      signal.addEventListener("abort", end, { once: true });
      upgrade.socket.once("close", () => signal.removeEventListener("abort", end));
      resolve();
    });
    if (upgrade) asked.end();
    else pipeline(request, asked, () => undefined);
  });
}
