/** Loads, the same for every subject: raw HTTP/1.1 connections that cost the generator little. */
import { type Answer, type Endpoint, HttpConnection, requestBytes } from "../../test/support/http-connection.ts";

const podsPath = "/api/v1/namespaces/default/pods";
const podSpec = {
  containers: [{ name: "main", image: "busybox", args: ["sleep", "1000"], ports: [{ containerPort: 80 }] }],
};

export function request(
  endpoint: Endpoint,
  method: string,
  path: string,
  body?: object,
  accept = "application/json",
): Buffer {
  const headers = {
    accept,
    ...(endpoint.token ? { authorization: `Bearer ${endpoint.token}` } : {}),
    ...(body ? { "content-type": "application/json" } : {}),
  };
  return requestBytes(method, path, { headers, ...(body ? { body: JSON.stringify(body) } : {}) });
}

export async function ask(connection: HttpConnection, bytes: Buffer): Promise<Answer> {
  const answer = await connection.ask(bytes);
  if (answer.status >= 400) throw new Error(answer.body.toString());
  return answer;
}

const connect = (endpoint: Endpoint, count: number): Promise<HttpConnection[]> =>
  Promise.all(Array.from({ length: count }, () => HttpConnection.open(endpoint)));

/** Runs `next` on `clients` connections for `ms`; returns how often a second. `next` undefined: nothing is left to do. */
async function rate(endpoint: Endpoint, clients: number, ms: number, next: () => Buffer | undefined): Promise<number> {
  const connections = await connect(endpoint, clients);
  const begun = performance.now();
  let count = 0;
  const work = async (connection: HttpConnection): Promise<void> => {
    while (performance.now() - begun < ms) {
      const bytes = next();
      if (!bytes) return;
      await ask(connection, bytes);
      count++;
    }
  };
  await Promise.all(connections.map(work));
  const perSecond = count / ((performance.now() - begun) / 1000);
  for (const connection of connections) connection.close();
  return perSecond;
}

let serial = 0;
const createPod = (endpoint: Endpoint): Buffer => {
  const metadata = { name: `pod-${++serial}`, labels: { app: "bench" } };
  return request(endpoint, "POST", podsPath, { apiVersion: "v1", kind: "Pod", metadata, spec: podSpec });
};

export const creates = (endpoint: Endpoint, ms: number): Promise<number> =>
  rate(endpoint, 16, ms, () => createPod(endpoint));

/** Writes of one object by 16 clients that name no revision. */
export async function hotUpdates(endpoint: Endpoint, ms: number): Promise<number> {
  const path = "/api/v1/namespaces/default/configmaps";
  const object = (step: number): object => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "hot" },
    data: { step: `${step}` },
  });
  const [connection] = await connect(endpoint, 1);
  await connection?.ask(request(endpoint, "POST", path, object(0)));
  connection?.close();
  return rate(endpoint, 16, ms, () => request(endpoint, "PUT", `${path}/hot`, object(++serial)));
}

/** As many Pods as wanted. */
export async function fill(endpoint: Endpoint, pods: number): Promise<void> {
  const [connection] = await connect(endpoint, 1);
  if (!connection) return;
  const { body } = await ask(connection, request(endpoint, "GET", `${podsPath}?limit=1`));
  connection.close();
  const { items, metadata } = JSON.parse(body.toString());
  let missing = pods - items.length - (metadata.remainingItemCount ?? 0);
  await rate(endpoint, 16, Number.POSITIVE_INFINITY, () => (missing-- > 0 ? createPod(endpoint) : undefined));
}

/** Milliseconds to the last byte, and bytes. */
export async function list(endpoint: Endpoint, accept: string): Promise<{ ms: number; bytes: number }> {
  const [connection] = await connect(endpoint, 1);
  if (!connection) throw new Error("no connection");
  const begun = performance.now();
  let bytes = 0;
  await connection.ask(request(endpoint, "GET", podsPath, undefined, accept), {
    onData: (chunk) => {
      bytes += chunk.length;
    },
  });
  const ms = performance.now() - begun;
  connection.close();
  return { ms, bytes };
}

/** In milliseconds from the sending of each write. */
export interface WatchDelays {
  /** To its arrival at each watcher. */
  readonly events: readonly number[];
  /** To its acknowledgement: by then it is on the disk. */
  readonly writes: readonly number[];
  /** Of the server, for one write and its events. */
  readonly processorMs: number;
  /** How much of the time the load's own thread had work: near 1, the delay would be its. */
  readonly loadBusy: number;
}

export interface WatchLoad {
  readonly spaces: number;
  /** Watchers in each of the namespaces. */
  readonly perSpace: number;
  readonly writes: number;
  /** So many before them are not counted: a thousand watchers have just come. */
  readonly uncounted: number;
  readonly perSecond: number;
}

export async function watchDelays(
  { endpoint, cpuMs }: { endpoint: Endpoint; cpuMs(): number },
  { spaces, perSpace, writes, uncounted, perSecond }: WatchLoad,
): Promise<WatchDelays> {
  const sent = new Map<string, number>();
  const delays: number[] = [];
  const acknowledged: number[] = [];
  const path = (space: number): string => `/api/v1/namespaces/space-${space}/configmaps`;
  const writers = await connect(endpoint, 16);
  for (let space = 0; space < spaces; space++) {
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: `space-${space}` } };
    await writers[space % 16]?.ask(request(endpoint, "POST", "/api/v1/namespaces", namespace));
  }
  const watchers = (await Promise.all(Array.from({ length: spaces }, () => connect(endpoint, perSpace)))).map(
    (group, space) => {
      for (const connection of group) {
        const onData = (chunk: Buffer): void => {
          for (const [, name = ""] of chunk.toString("latin1").matchAll(/"name":"(write-\d+)"/g)) {
            const at = sent.get(name);
            if (at !== undefined) delays.push(performance.now() - at);
          }
        };
        connection
          .ask(request(endpoint, "GET", `${path(space)}?watch=true&resourceVersion=0`), { onData })
          .catch(() => {});
      }
      return group;
    },
  );
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const [begun, cpuBefore, busyBefore] = [performance.now(), cpuMs(), performance.eventLoopUtilization()];
  let next = 0;
  const write = async (connection: HttpConnection): Promise<void> => {
    for (let index = next++; index < uncounted + writes; index = next++) {
      const waitMs = begun + (index * 1000) / perSecond - performance.now();
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      const name = `write-${++serial}`;
      const at = performance.now();
      if (index >= uncounted) sent.set(name, at);
      const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { a: "b" } };
      await ask(connection, request(endpoint, "POST", path(index % spaces), body));
      if (index >= uncounted) acknowledged.push(performance.now() - at);
    }
  };
  await Promise.all(writers.map(write));
  const processorMs = (cpuMs() - cpuBefore) / (uncounted + writes);
  const loadBusy = performance.eventLoopUtilization(busyBefore).utilization;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  for (const connection of [...writers, ...watchers.flat()]) connection.close();
  return { events: delays, writes: acknowledged, processorMs, loadBusy };
}
