/**
 * Random requests against `fairlead apiserver`: no 5xx, no hang, no growth of memory, and a store that opens again.
 * node test/fuzz/run.ts [--requests N] [--seed N]. Prints one line of JSON; ends with 1 when something was wrong.
 * Run it where nothing but loopback can be reached (scripts/fuzz.ts does): some requests name addresses to go on to.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { kinds } from "../../src/api/kinds/mod.ts";
import { startApiProcess } from "../support/api-process.ts";
import { type Endpoint, HttpConnection, requestBytes } from "../support/http-connection.ts";
import { breakOff, stall } from "./broken-connections.ts";
import { faultOf } from "./judge.ts";
import { Random } from "./random.ts";
import { type FuzzRequest, Requests } from "./requests.ts";
import { widgetDefinition } from "./samples.ts";

const { values } = parseArgs({
  options: { requests: { type: "string", default: "20000" }, seed: { type: "string", default: "1" } },
});
const total = Number(values.requests);
const seed = Number(values.seed);
const connections = 48;
const hangMs = 30_000;
/** Empties all collections now and then, so that what is stored stays small. */
const sweepEvery = 5000;
const maxFaults = 20;

const codes: Record<string, number> = {};
const faults: string[] = [];
let sent = 0;
let broken = 0;
let nextSweep = 2000;
let sweeps = 0;

async function timely<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${hangMs} ms: ${what}`)), hangMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

class Asker {
  readonly #endpoint: Endpoint;
  #connection: HttpConnection | undefined;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  async ask(bytes: Buffer, what: string) {
    if (!this.#connection?.usable) this.#connection = await HttpConnection.open(this.#endpoint);
    return timely(this.#connection.ask(bytes), what);
  }

  close(): void {
    this.#connection?.close();
  }
}

function note(request: FuzzRequest, fault: string): void {
  faults.push(
    `${request.method} ${request.path.slice(0, 300)}: ${fault} — ${JSON.stringify(request.bytes.toString("latin1").slice(0, 1500))}`,
  );
}

async function work(endpoint: Endpoint, random: Random): Promise<void> {
  const requests = new Requests(random);
  const asker = new Asker(endpoint);
  let before = "";
  while (sent < total && faults.length < maxFaults) {
    sent++;
    const request = requests.next();
    if (random.chance(0.01)) {
      broken++;
      await breakOff(random, endpoint, request);
      continue;
    }
    try {
      const answer = await asker.ask(request.bytes, `${request.method} ${request.path}`);
      codes[answer.status] = (codes[answer.status] ?? 0) + 1;
      const fault = faultOf(request, answer);
      if (fault) note(request, fault);
    } catch (error) {
      codes.closed = (codes.closed ?? 0) + 1;
      if (!request.malformed) note(request, `${error} after ${before}`);
    }
    before = `${request.method} ${request.bytes.toString("latin1").slice(0, 700)}`;
    // An answer to a request that may be read in two ways says nothing of the next one.
    if (request.malformed) asker.close();
    if (sent >= nextSweep) {
      nextSweep += sweepEvery;
      sweeps++;
      await sweep(asker, sweeps % 3 === 0);
    }
  }
  asker.close();
}

/** Everything is shown in each form; with `empty`, everything is deleted then. */
async function sweep(asker: Asker, empty: boolean): Promise<void> {
  for (const { group, version, plural, createOnly } of kinds) {
    if (createOnly) continue;
    const path = `${group ? `/apis/${group}` : "/api"}/${version}/${plural}`;
    for (const accept of [
      "application/json",
      "application/vnd.kubernetes.protobuf",
      "application/json;as=Table;v=v1;g=meta.k8s.io",
      "application/yaml",
    ]) {
      const { status, body } = await asker.ask(requestBytes("GET", path, { headers: { accept } }), path);
      if (status !== 200 && status !== 406)
        faults.push(`list of ${path} as ${accept}: ${status} ${body.toString().slice(0, 500)}`);
    }
    if (!empty || plural === "customresourcedefinitions" || plural === "namespaces") continue;
    const { status, body } = await asker.ask(requestBytes("DELETE", `${path}?gracePeriodSeconds=0`), path);
    if (status >= 500) faults.push(`deletion of all ${path}: ${status} ${body.toString().slice(0, 500)}`);
  }
}

async function heapBytes(endpoint: Endpoint): Promise<number> {
  const asker = new Asker(endpoint);
  const text = (await asker.ask(requestBytes("GET", "/metrics"), "/metrics")).body.toString();
  asker.close();
  return Number(/^nodejs_heap_size_used_bytes (\d+)/m.exec(text)?.[1]);
}

/** The least heap seen in each tenth of the run: what the garbage collector, which is made to work often, can not free. */
function watchHeap(endpoint: Endpoint): { stop(): number[] } {
  const least: number[] = Array(10).fill(Number.POSITIVE_INFINITY);
  const timer = setInterval(() => {
    const tenth = Math.min(9, Math.floor((sent / total) * 10));
    void heapBytes(endpoint).then(
      (bytes) => {
        least[tenth] = Math.min(least[tenth] as number, bytes);
      },
      () => {},
    );
  }, 500);
  return {
    stop() {
      clearInterval(timer);
      return least.map((bytes) => Math.round(bytes / 1e6));
    },
  };
}

const dir = await mkdtemp(join(tmpdir(), "fairlead-fuzz-"));
const server = await startApiProcess(dir, { nodeArgs: ["--max-semi-space-size=8", "--heap-growing-percent=20"] });
try {
  const begunMs = performance.now();
  const asker = new Asker(server.endpoint);
  const headers = { "content-type": "application/json" };
  for (const [path, body] of [
    ["/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } }],
    ["/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: "kube-system" } }],
    ["/apis/apiextensions.k8s.io/v1/customresourcedefinitions", widgetDefinition],
  ] as const) {
    await asker.ask(requestBytes("POST", path, { headers, body: JSON.stringify(body) }), path);
  }
  const stalled = await stall(server.endpoint, 9);
  const heap = watchHeap(server.endpoint);
  await Promise.all(
    Array.from({ length: connections }, (_, index) => work(server.endpoint, new Random(seed * 1000 + index))),
  );
  const heapMb = heap.stop();
  const seconds = (performance.now() - begunMs) / 1000;
  await sweep(asker, false);
  const ready = (await asker.ask(requestBytes("GET", "/readyz"), "/readyz")).status;
  if (ready !== 200) faults.push(`/readyz answers ${ready} afterwards`);
  const stalledMs = 90_000;
  if (total >= 100_000)
    await Promise.race([
      stalled.ended,
      new Promise((_, reject) =>
        setTimeout(() => reject(new Error(`stalled connections are open after ${stalledMs} ms`)), stalledMs).unref(),
      ),
    ]).catch((error) => faults.push(String(error)));
  stalled.close();
  asker.close();
  const [third = 0, last = 0] = [heapMb[3], heapMb[9]];
  if (last > third * 1.5 + 20) faults.push(`memory grew from ${third} MB to ${last} MB`);
  const complaints = server
    .log()
    .split("\n")
    .filter((line) => /ERROR|error/i.test(line)).length;
  await server.stop();
  const again = await startApiProcess(dir);
  const reopened = new Asker(again.endpoint);
  await sweep(reopened, false);
  reopened.close();
  await again.stop();
  console.log(
    JSON.stringify({
      requests: sent,
      seed,
      seconds: Math.round(seconds),
      broken,
      codes,
      heapMb,
      complaints,
      faults: faults.length,
    }),
  );
} catch (error) {
  faults.push(`the run broke off: ${error instanceof Error ? error.stack : error}\n${server.log().slice(-3000)}`);
} finally {
  await server.stop("SIGKILL").catch(() => {});
  await rm(dir, { recursive: true, force: true });
}
for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);
