/** Requests that fail while ten Pods are replaced by a rolling restart. */
import type { Deployment, Pod, Service } from "../../src/api/object.ts";
import { deployments, pods, services } from "../../src/api/resource.ts";
import { type BenchCluster, isReady, namespace, sleep } from "./cluster.ts";

const replicas = 10;
/** Fewer for a machine that has other things to do: `RATE=50`. */
const perSecond = Number(process.env.RATE ?? 500);
const nodePort = 31999;

/** Sends requests over new connections at a steady rate until its input ends, then prints what came of them. */
const client = `
const http = require("node:http");
const [url, rate] = process.argv.slice(-2);
let sent = 0, done = 0; const failures = {}; const hosts = new Set();
const ask = () => { sent++;
  const fail = (why) => { failures[why] = (failures[why] || 0) + 1; };
  const r = http.get(url, { agent: false, timeout: 3000 }, (a) => { let t = ""; a.on("data", (d) => { t += d; }); a.on("end", () => { if (a.statusCode === 200) { done++; hosts.add(t.trim()); } else fail(a.statusCode); }); a.on("error", (e) => fail(e.code)); });
  r.on("timeout", () => r.destroy(Object.assign(new Error(), { code: "ETIMEDOUT" }))); r.on("error", (e) => fail(e.code)); };
const begun = Date.now();
const tick = setInterval(() => { while (sent < ((Date.now() - begun) * rate) / 1000) ask(); }, 4);
const stop = () => { clearInterval(tick); setTimeout(() => { console.log("result " + JSON.stringify({ sent, done, failures, hosts: hosts.size, seconds: (Date.now() - begun - 3500) / 1000 })); }, 3500); };
process.on("SIGTERM", stop); console.log("begun");
`;

interface Result {
  readonly sent: number;
  readonly done: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly hosts: number;
}

const stopClients = String.raw`for p in /proc/[0-9]*; do
  tr '\0' ' ' <"$p/cmdline" 2>/dev/null | grep -q " ${perSecond} *$" && kill -TERM "$(basename "$p")"
done; true`;

const labels = { app: "rolling" };
const deployment = (): Deployment => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "rolling", namespace },
  spec: {
    replicas,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        terminationGracePeriodSeconds: 5,
        containers: [
          {
            name: "echo",
            image: "fairlead/echo",
            // As a Pod should that is not to be missed: it serves until every node has heard that it goes.
            env: [{ name: "DRAIN_MS", value: "2000" }],
            readinessProbe: { httpGet: { path: "/readyz", port: 8080 }, periodSeconds: 1 },
          },
        ],
      },
    },
  },
});
const service = (): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "rolling", namespace },
  spec: { type: "NodePort", selector: labels, ports: [{ port: 80, targetPort: 8080, nodePort }] },
});
const clientPod = (url: string): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "inside", namespace },
  spec: {
    // A client that has told its result must not begin again: its log would be the new one.
    restartPolicy: "Never",
    containers: [{ name: "client", image: "host", command: [process.execPath, "-e", client, url, String(perSecond)] }],
  },
});

async function complete({ client: api }: BenchCluster): Promise<void> {
  for (const end = Date.now() + 120_000; Date.now() < end; await sleep(50)) {
    const { metadata, status } = await api.get(deployments, "rolling", namespace);
    const { observedGeneration, updatedReplicas, replicas: all, availableReplicas } = status ?? {};
    const counts = [updatedReplicas, all, availableReplicas];
    if (observedGeneration === metadata.generation && counts.every((count) => count === replicas)) return;
  }
  throw new Error("The roll-out does not end");
}

async function logOf({ client: api }: BenchCluster): Promise<string> {
  const { body } = await api.raw("GET", `/api/v1/namespaces/${namespace}/pods/inside/log`);
  return body.toString();
}

const resultOf = (text: string): Result | undefined => {
  const line = /^result (.*)$/m.exec(text)?.[1];
  return line === undefined ? undefined : (JSON.parse(line) as Result);
};

async function until<T>(what: string, read: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (const end = Date.now() + 30_000; Date.now() < end; await sleep(50)) {
    const value = await read();
    if (value) return value;
  }
  throw new Error(`Not in time: ${what}`);
}

export async function benchRolling(cluster: BenchCluster): Promise<void> {
  const { client: api, pods: known } = cluster;
  await api.create(deployments, deployment());
  await complete(cluster);
  const { spec } = await api.create(services, service());
  await sleep(1000);
  await api.create(pods, clientPod(`http://${spec.clusterIP}/`));
  const node = "172.18.0.2";
  const words = ["--outside", "--", process.execPath, "-e", client, `http://${node}:${nodePort}/`, String(perSecond)];
  const outside = cluster.spawnShell(...words);
  let text = "";
  outside.stdout?.on("data", (data) => {
    text += data;
  });
  await until("both clients begin", async () => {
    const pod = known.get(`${namespace}/inside`);
    return pod && isReady(pod) && text.includes("begun") && (await logOf(cluster)).includes("begun");
  });
  await sleep(2000);
  const begun = performance.now();
  const restartedAt = { "kubectl.kubernetes.io/restartedAt": new Date().toISOString() };
  const patch = { spec: { template: { metadata: { annotations: restartedAt } } } };
  await api.patch(deployments, { name: "rolling", namespace }, patch, { type: "merge" });
  await sleep(100);
  await complete(cluster);
  const tookMs = performance.now() - begun;
  await sleep(2000);
  // Every process that sends so many: those of both clients.
  cluster.shell("--", "sh", "-c", stopClients);
  const results = {
    "ClusterIP from a Pod": await until("inside's result", async () => resultOf(await logOf(cluster))),
    "NodePort from outside": await until("outside's result", () => resultOf(text)),
  };
  console.log(
    `Rolling restart of ${replicas} Pods in ${(tookMs / 1000).toFixed(1)} s under ${perSecond} new connections a second each (aim: none fails)`,
  );
  const rows = Object.entries(results).map(([way, { sent, done, failures, hosts }]) => [
    way,
    { requests: sent, failed: sent - done, Pods: hosts, why: JSON.stringify(failures) },
  ]);
  console.table(Object.fromEntries(rows));
  for (const name of ["inside"]) await api.delete(pods, { name, namespace }, { gracePeriodSeconds: 0 });
  await api.delete(services, { name: "rolling", namespace });
  await api.delete(deployments, { name: "rolling", namespace });
}
