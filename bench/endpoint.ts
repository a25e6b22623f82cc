/**
 * From a Pod's ready status being acknowledged by the API server to a new connection that reaches it through the
 * Service's address, with 10, 100 and 1,000 other Services of 10 endpoints in place. The way: watch → EndpointSlice
 * controller → write → watch → service proxy → kernel. The proxy's own part of it, and of that the kernel's, come from
 * the proxy's metrics.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EndpointSlice, Pod, Service } from "../src/api/object.ts";
import { endpointSlices, pods, services } from "../src/api/resource.ts";
import type { ApiClient } from "../src/client/client.ts";
import { loadKubeconfig } from "../src/client/kubeconfig.ts";
import { createClient } from "../src/client/rest.ts";
import { createLog } from "../src/lib/log.ts";

const root = join(import.meta.dirname, "..");
const program = join(root, "bin", "fairlead.js");
const sizes = [10, 100, 1000];
const changes = Number(process.argv[2] ?? 100);

/** Runs on the node: makes the Pod ready, then connects until it is reached; prints the milliseconds of each round. */
const prober = `
const fs = require("node:fs"), https = require("node:https"), net = require("node:net"), http = require("node:http");
const [address, ip, rounds] = process.argv.slice(1);
const config = JSON.parse(fs.readFileSync(process.env.KUBECONFIG, "utf8"));
const b = (text) => Buffer.from(text, "base64");
const agent = new https.Agent({ keepAlive: true, ca: b(config.clusters[0].cluster["certificate-authority-data"]), cert: b(config.users[0].user["client-certificate-data"]), key: b(config.users[0].user["client-key-data"]) });
const patch = (ready) => new Promise((resolve, reject) => {
  const condition = (type) => ({ type, status: ready ? "True" : "False" });
  const body = JSON.stringify({ status: { phase: "Running", podIP: ip, podIPs: [{ ip }], conditions: [condition("Ready"), condition("ContainersReady")] } });
  const request = https.request(config.clusters[0].cluster.server + "/api/v1/namespaces/default/pods/probe/status", { method: "PATCH", agent, headers: { "content-type": "application/merge-patch+json" } }, (response) => {
    response.resume(); response.on("end", () => response.statusCode === 200 ? resolve() : reject(new Error("status " + response.statusCode)));
  });
  request.on("error", reject); request.end(body);
});
const connects = () => new Promise((resolve) => {
  const socket = net.connect({ host: address, port: 80 }, () => { socket.destroy(); resolve(true); });
  socket.on("error", () => resolve(false));
});
const until = async (wanted) => { for (const end = Date.now() + 5000; Date.now() < end;) if ((await connects()) === wanted) return; throw new Error("no change in 5 s"); };
const metrics = () => new Promise((resolve) => http.get("http://127.0.0.1:10249/metrics", (r) => { let t = ""; r.on("data", (d) => { t += d; }); r.on("end", () => resolve(t)); }));
const sum = (text, name) => ["_sum", "_count"].map((end) => text.split("\\n").filter((l) => l.startsWith(name + end)).reduce((s, l) => s + Number(l.split(" ").at(-1)), 0));
(async () => {
  const times = [];
  await patch(false); await until(false);
  let before;
  for (let i = -30; i < Number(rounds); i++) {
    if (i === 0) { times.length = 0; before = await metrics(); }
    await patch(true);
    const start = performance.now();
    await until(true);
    times.push(performance.now() - start);
    await patch(false); await until(false);
  }
  const after = await metrics();
  const mean = (name) => { const [s0, n0] = sum(before, name), [s1, n1] = sum(after, name); return n1 > n0 ? (1000 * (s1 - s0)) / (n1 - n0) : undefined; };
  console.log(JSON.stringify({ times, syncMs: mean("kubeproxy_sync_proxy_rules_duration_seconds"), kernelMs: mean("fairlead_proxy_kernel_duration_seconds") }));
  process.exit(0);
})();`;

interface Result {
  readonly times: readonly number[];
  readonly syncMs?: number;
  readonly kernelMs?: number;
}

const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;

const meta = (name: string) => ({ name, namespace: "default" });

/** A Service without selector and its slice of ten endpoints that nobody connects to. */
async function addFiller(client: ApiClient, index: number): Promise<void> {
  const name = `filler-${index}`;
  const service: Service = { apiVersion: "v1", kind: "Service", metadata: meta(name), spec: { ports: [{ port: 80 }] } };
  const slice: EndpointSlice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { ...meta(name), labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    ports: [{ port: 8080, protocol: "TCP", name: "" }],
    endpoints: Array.from({ length: 10 }, (_, i) => ({
      addresses: [`10.244.${100 + (index % 100)}.${1 + ((index * 10 + i) % 250)}`],
      conditions: { ready: true },
    })),
  };
  await client.create(services, service);
  await client.create(endpointSlices, slice);
}

async function setUp(client: ApiClient): Promise<{ address: string; ip: string }> {
  const echo: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: meta("echo"),
    spec: { containers: [{ name: "echo", image: "fairlead/echo" }] },
  };
  await client.create(pods, echo);
  // Nobody schedules it: its status is ours to write, and its address is the other Pod's.
  const probe: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { ...meta("probe"), labels: { app: "probe" } },
    spec: { schedulerName: "bench", containers: [{ name: "none", image: "none" }] },
  };
  await client.create(pods, probe);
  const service: Service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: meta("probe"),
    spec: { selector: { app: "probe" }, ports: [{ port: 80, targetPort: 8080 }] },
  };
  const { spec } = await client.create(services, service);
  for (let i = 0; i < 100; i++) {
    const { status } = await client.get(pods, "echo", "default");
    if (status?.podIP && status.containerStatuses?.[0]?.ready)
      return { address: spec.clusterIP ?? "", ip: status.podIP };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("The echo Pod does not become ready");
}

const dir = mkdtempSync(join(tmpdir(), "fairlead-bench-"));
const env = { ...process.env, KUBECONFIG: join(dir, "kubeconfig"), FAIRLEAD_RESOLV_CONF: "/dev/null" };
const data = join(dir, "data");
const up = spawn(process.execPath, [program, "up", "--data", data], { env, stdio: ["ignore", "pipe", "inherit"] });
try {
  await new Promise((resolve, reject) => {
    up.stdout.once("data", resolve);
    up.once("exit", () => reject(new Error("fairlead up ended")));
  });
  const log = createLog(undefined, { level: "error" });
  const client = createClient(await loadKubeconfig(join(dir, "kubeconfig")), { userAgent: "bench", log });
  const { address, ip } = await setUp(client);
  const rows: Record<string, unknown>[] = [];
  let made = 0;
  for (const size of sizes) {
    for (; made < size; made += 10)
      await Promise.all(Array.from({ length: 10 }, (_, i) => addFiller(client, made + i)));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [program, "shell", "--data", data, "--", process.execPath, "-e", prober, address, ip, String(changes)],
      { env, encoding: "utf8", timeout: 120_000 },
    );
    if (!stdout) throw new Error(stderr);
    const { times, syncMs, kernelMs } = JSON.parse(stdout) as Result;
    const sorted = times.toSorted((a, b) => a - b);
    const ms = (value: number | undefined): number | string => (value === undefined ? "?" : +value.toFixed(2));
    rows.push({
      "Services × 10": size,
      "p50 ms": ms(quantile(sorted, 0.5)),
      "p90 ms": ms(quantile(sorted, 0.9)),
      "p99 ms": ms(quantile(sorted, 0.99)),
      "of it proxy, mean ms": ms(syncMs),
      "of that kernel, mean ms": ms(kernelMs),
    });
  }
  console.log(
    `Ready status acknowledged → first connection through the Service, ${changes} changes each (aim: p99 under 10 ms, flat)`,
  );
  console.table(rows);
} finally {
  up.removeAllListeners("exit");
  const ended = new Promise((resolve) => up.once("exit", resolve));
  up.kill("SIGTERM");
  await ended;
  rmSync(dir, { recursive: true, force: true });
}
process.exit(0);
