/** For tests: a real API server on a loopback port, with a store in memory, and a small client. */
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kinds } from "../api/kinds/mod.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { createLog } from "../lib/log.ts";
import { openInMemory } from "../store/open-store.ts";
import type { Store } from "../store/store.ts";
import type { ServerConfig } from "./context.ts";
import { type ClientName, ensurePki, type Pki } from "./pki.ts";
import { createApiServer } from "./server.ts";

interface Answer {
  readonly code: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  readonly raw: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape
  readonly body: any;
}

export interface AskOptions {
  /** An object becomes JSON. */
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
  /** The header Accept-Encoding. */
  readonly encoding?: string;
  /** Whose certificate is shown; null: none. */
  readonly as?: ClientName | null;
  /** Sent beside the others, e.g. { authorization: "Bearer …" }. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

export interface TestServer {
  readonly store: Store;
  readonly pki: Pki;
  readonly port: number;
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>;
  /** Events of a watch, as they come. */
  watch(path: string, options?: { accept?: string }): Promise<TestWatch>;
  close(): Promise<void>;
}

interface TestWatch {
  /** Waits (at most 5 s) until `count` more events have come. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into events of any shape
  next(count: number): Promise<any[]>;
  /** Resolves when the server has ended the stream. */
  readonly ended: Promise<void>;
  close(): void;
}

const waitMs = 5000;

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function encodeBody(body: unknown): string | Buffer | undefined {
  if (body === undefined || typeof body === "string" || Buffer.isBuffer(body)) return body;
  return JSON.stringify(body);
}

function collect(message: IncomingMessage): TestWatch {
  const events: unknown[] = [];
  let rest = "";
  let wake = (): void => {};
  message.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line) events.push(JSON.parse(line));
    wake();
  });
  message.on("error", () => {});
  const ended = new Promise<void>((resolve) => message.on("close", () => resolve()));
  return {
    ended,
    async next(count) {
      const deadline = Date.now() + waitMs;
      while (events.length < count) {
        const leftMs = deadline - Date.now();
        if (leftMs <= 0)
          throw new Error(`Cannot wait longer: ${events.length} of ${count} events: ${JSON.stringify(events)}`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, leftMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      return events.splice(0, count);
    },
    close: () => void message.destroy(),
  };
}

export interface TestServerOptions {
  readonly store?: Store;
  readonly clock?: Clock;
  readonly config?: Partial<ServerConfig>;
  /** Made at the start; default: "default". */
  readonly namespaces?: readonly string[];
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { store = openInMemory(), clock = systemClock, config = {}, namespaces = ["default"] } = options;
  const dir = await mkdtemp(join(tmpdir(), "fairlead-api-"));
  const pki = await ensurePki(dir, { hosts: [], nodes: [{ name: "n1", addresses: ["127.0.0.1"] }] });
  const server = await createApiServer({
    store,
    kinds,
    pki,
    clock,
    log: createLog(undefined, { level: "error" }),
    config: {
      serviceCidr: "10.96.0.0/16",
      nodePortRange: { from: 30000, to: 32767 },
      // Nobody makes accounts here.
      disabledAdmission: ["ServiceAccount"],
      ...config,
    },
  });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  const agents = new Map<string, Agent>();
  const agentFor = (as: ClientName | null): Agent => {
    const known = agents.get(as ?? "");
    if (known) return known;
    const credential = as === null ? {} : { cert: pki.client(as).certificate, key: pki.client(as).key };
    const agent = new Agent({ keepAlive: true, ca: pki.ca, ...credential });
    agents.set(as ?? "", agent);
    return agent;
  };
  const open = (
    method: string,
    path: string,
    { body, type, accept, encoding, as = "admin", headers: more = {} }: AskOptions,
  ): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const bytes = encodeBody(body);
      const headers = {
        ...(bytes === undefined ? {} : { "content-length": Buffer.byteLength(bytes) }),
        ...(type || body !== undefined ? { "content-type": type ?? "application/json" } : {}),
        ...(accept ? { accept } : {}),
        ...(encoding ? { "accept-encoding": encoding } : {}),
        ...more,
      };
      const asked = httpsRequest({ host: "127.0.0.1", port, method, path, headers, agent: agentFor(as) }, resolve);
      asked.on("error", reject);
      asked.end(bytes);
    });
  const ask = async (method: string, path: string, asked: AskOptions = {}): Promise<Answer> => {
    const message = await open(method, path, asked);
    const raw = await readAll(message);
    const text = raw.toString();
    return { raw, code: message.statusCode ?? 0, headers: message.headers, text, body: parsed(text) };
  };
  for (const name of namespaces) {
    const { code, text } = await ask("POST", "/api/v1/namespaces", {
      body: { apiVersion: "v1", kind: "Namespace", metadata: { name } },
    });
    if (code !== 201 && code !== 409) throw new Error(text);
  }
  return {
    store,
    pki,
    port,
    ask,
    watch: async (path, { accept } = {}) => collect(await open("GET", path, accept ? { accept } : {})),
    async close() {
      for (const agent of agents.values()) agent.destroy();
      await server.close();
      await rm(dir, { recursive: true });
    },
  };
}
