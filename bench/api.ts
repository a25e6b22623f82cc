/** The API server over HTTPS, in a process of its own: durable creates, a list of 5,000 Pods, the delay to 100 watchers. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "../src/lib/log.ts";
import { open } from "../src/store/open-store.ts";

const clients = 8;
const createMs = 3000;
const podCount = 5000;
const listRounds = 10;
const watchers = 100;
const changes = 200;

interface Ready {
  readonly port: number;
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  readonly readyMs: number;
}

const quantile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? Number.NaN;

async function start(dir: string): Promise<{ child: ChildProcess; ready: Ready }> {
  const child = fork(new URL("api/server.ts", import.meta.url), [dir]);
  const [ready] = await once(child, "message");
  return { child, ready: ready as Ready };
}

function createClient({ port, ca, certificate, key }: Ready) {
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY, ca, cert: certificate, key });
  const send = (method: string, path: string, body?: string, accept = "application/json"): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const own =
        body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const headers = { accept, ...own };
      const asked = request({ host: "127.0.0.1", port, method, path, agent, headers }, resolve);
      asked.on("error", reject);
      asked.end(body);
    });
  const ask = async (method: string, path: string, body?: string, accept?: string): Promise<Buffer> => {
    const answer = await send(method, path, body, accept);
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk);
    if ((answer.statusCode ?? 500) >= 400) throw new Error(Buffer.concat(chunks).toString());
    return Buffer.concat(chunks);
  };
  return { send, ask };
}

type Client = ReturnType<typeof createClient>;

const podsPath = "/api/v1/namespaces/default/pods";
const pod = (name: string): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { app: "bench", version: "1" } },
    spec: { containers: [{ name: "main", image: "busybox", args: ["sleep", "1000"], ports: [{ containerPort: 80 }] }] },
  });

/** Creates a second from `clients` callers that each wait for their answer. */
async function creates(create: (name: string) => Promise<unknown>, durationMs: number): Promise<number> {
  const end = performance.now() + durationMs;
  let made = 0;
  const begun = performance.now();
  const worker = async (id: number): Promise<void> => {
    for (let index = 0; performance.now() < end; index++, made++) await create(`w${id}-${index}`);
  };
  await Promise.all(Array.from({ length: clients }, (_, id) => worker(id)));
  return made / ((performance.now() - begun) / 1000);
}

async function rawCreates(valueBytes: number): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), "fairlead-bench-"));
  const store = await open(dir, { log: createLog(undefined, { level: "error" }) });
  const value = Buffer.alloc(valueBytes, "x");
  const perSecond = await creates((name) => store.create(`/registry/core/pods/default/${name}`, () => value), createMs);
  await store.close();
  await rm(dir, { recursive: true });
  return perSecond;
}

async function fill({ ask }: Client): Promise<void> {
  const { metadata, items } = JSON.parse((await ask("GET", `${podsPath}?limit=1`)).toString());
  const have = items.length + (metadata.remainingItemCount ?? 0);
  const names = Array.from({ length: Math.max(0, podCount - have) }, (_, index) => `fill-${index}`);
  const worker = async (): Promise<void> => {
    for (let name = names.pop(); name; name = names.pop()) await ask("POST", podsPath, pod(name));
  };
  await Promise.all(Array.from({ length: clients }, worker));
}

async function lists(
  { ask }: Client,
  accept = "application/json",
): Promise<{ ms: number; bytes: number; concatMs: number }> {
  const times: number[] = [];
  let body: Buffer = Buffer.alloc(0);
  for (let round = 0; round < listRounds; round++) {
    const begun = performance.now();
    body = await ask("GET", `${podsPath}?limit=${podCount}`, undefined, accept);
    times.push(performance.now() - begun);
  }
  const size = Math.floor(body.length / podCount);
  const parts = Array.from({ length: podCount }, (_, index) =>
    Buffer.from(body.subarray(index * size, (index + 1) * size)),
  );
  const concat = Array.from({ length: listRounds }, () => {
    const begun = performance.now();
    Buffer.concat(parts);
    return performance.now() - begun;
  });
  return { ms: quantile(times, 0.5), bytes: body.length, concatMs: quantile(concat, 0.5) };
}

/** Milliseconds from the sending of a change to its arrival at each of `count` watchers. */
async function watchDelays({ send, ask }: Client, count: number): Promise<number[]> {
  const sent = new Map<string, number>();
  const delays: number[] = [];
  const path = "/api/v1/namespaces/default/configmaps";
  const streams = await Promise.all(
    Array.from({ length: count }, () => send("GET", `${path}?watch=true&timeoutSeconds=120`)),
  );
  let arrived = (): void => {};
  for (const stream of streams) {
    let rest = "";
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const name = /"name":"([^"]+)"/.exec(line)?.[1] ?? "";
        const at = sent.get(name);
        if (at !== undefined) delays.push(performance.now() - at);
      }
      arrived();
    });
  }
  for (let index = 0; index < changes; index++) {
    const name = `watched-${count}-${index}`;
    const body = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { a: "b" } });
    const wanted = (index + 1) * count;
    const all = new Promise<void>((resolve) => {
      arrived = () => void (delays.length >= wanted && resolve());
    });
    sent.set(name, performance.now());
    await ask("POST", path, body);
    await all;
  }
  for (const stream of streams) stream.destroy();
  return delays;
}

const dir = await mkdtemp(join(tmpdir(), "fairlead-bench-"));
const { child, ready } = await start(dir);
try {
  const client = createClient(ready);
  await client.ask(
    "POST",
    "/api/v1/namespaces",
    JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } }),
  );
  await client.ask(
    "POST",
    "/api/v1/namespaces/default/serviceaccounts",
    JSON.stringify({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default" } }),
  );
  const perSecond = await creates((name) => client.ask("POST", podsPath, pod(name)), createMs);
  const size = (await client.ask("GET", `${podsPath}/w0-0`)).length;
  const raw = await rawCreates(size);
  await fill(client);
  const list = await lists(client);
  const binary = await lists(client, "application/vnd.kubernetes.protobuf");
  const one = await watchDelays(client, 1);
  const many = await watchDelays(client, watchers);
  child.send("measure");
  const [{ rssBytes }] = (await once(child, "message")) as [{ rssBytes: number }];
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  console.table({
    "start: store opened to listening": { measured: ms(ready.readyMs), limit: "", ratio: "" },
    [`durable creates/s, ${clients} clients`]: {
      measured: perSecond.toFixed(0),
      limit: `${raw.toFixed(0)} (raw store, ${size} B values)`,
      ratio: (perSecond / raw).toFixed(3),
    },
    [`list of ${podCount} Pods, ${(list.bytes / 1e6).toFixed(1)} MB`]: {
      measured: ms(list.ms),
      limit: `${ms(list.concatMs)} (Buffer.concat alone)`,
      ratio: (list.ms / list.concatMs).toFixed(1),
    },
    [`the same list in protobuf, ${(binary.bytes / 1e6).toFixed(1)} MB`]: {
      measured: ms(binary.ms),
      limit: `${ms(binary.concatMs)} (Buffer.concat alone)`,
      ratio: (binary.ms / binary.concatMs).toFixed(1),
    },
    [`watch delay p50, ${watchers} watchers`]: {
      measured: ms(quantile(many, 0.5)),
      limit: `${ms(quantile(one, 0.5))} (1 watcher)`,
      ratio: (quantile(many, 0.5) / quantile(one, 0.5)).toFixed(1),
    },
    [`watch delay p99, ${watchers} watchers`]: {
      measured: ms(quantile(many, 0.99)),
      limit: `${ms(quantile(one, 0.99))} (1 watcher)`,
      ratio: (quantile(many, 0.99) / quantile(one, 0.99)).toFixed(1),
    },
    "memory of the server (RSS)": { measured: `${(rssBytes / 1e6).toFixed(0)} MB`, limit: "", ratio: "" },
  });
} finally {
  child.disconnect();
  await once(child, "exit");
  await rm(dir, { recursive: true });
}
process.exit();
