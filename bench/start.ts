/**
 * Cold start: `fairlead up` with the demo's manifests to the first answer that another Pod gets through
 * http://backend:8080; and the memory (PSS) of every process of the idle cluster. Published figures of other tools:
 * kind 33 s, k3d 20 s to the same point (minikube's time-to-k8s runs, v1.36); k3s 512 MB and more.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const program = join(root, "bin", "fairlead.js");
const rounds = Number(process.argv[2] ?? 5);
const limitMs = 30_000;

/** Asks until there is an answer, then says when that was. */
const client = `
const http = require("node:http");
const ask = () => http.get({ host: "backend", port: 8080, timeout: 500 }, (r) => { r.resume(); console.log("answered " + Date.now()); setInterval(() => {}, 1e6); })
  .on("timeout", function () { this.destroy(); }).on("error", () => setTimeout(ask, 5));
ask();`;

const clientPod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "client" },
  spec: { containers: [{ name: "client", image: "host", command: [process.execPath, "-e", client] }] },
};

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function answeredAt(env: NodeJS.ProcessEnv): Promise<number> {
  for (const end = Date.now() + limitMs; Date.now() < end; await sleep(100)) {
    const { stdout } = spawnSync("kubectl", ["logs", "client"], { env, encoding: "utf8" });
    const time = /answered (\d+)/.exec(stdout ?? "")?.[1];
    if (time) return Number(time);
  }
  throw new Error("No answer through the Service in time");
}

interface Memory {
  readonly name: string;
  readonly kib: number;
}

const pss = (pid: string): number =>
  Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1] ?? 0);

/** All processes in the holder's pid namespace, those nested below it included, and the supervisor. */
function memory(supervisor: number, holder: number): Memory[] {
  const parents = new Map<number, number>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      parents.set(Number(pid), Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]));
    } catch {
      // It ended meanwhile.
    }
  }
  const namespace = readlinkSync(`/proc/${holder}/ns/pid`);
  const belongs = (pid: number): boolean => {
    if (pid === supervisor) return true;
    try {
      if (readlinkSync(`/proc/${pid}/ns/pid`) === namespace) return true;
    } catch {
      return false;
    }
    const parent = parents.get(pid);
    return parent !== undefined && parent > 1 && belongs(parent);
  };
  return [...parents.keys()].filter(belongs).flatMap((pid) => {
    try {
      return [{ name: processName(pid), kib: pss(String(pid)) }];
    } catch {
      return [];
    }
  });
}

function processName(pid: number): string {
  const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").filter(Boolean);
  const script = words.findIndex((word) => word.endsWith(".js"));
  if (script < 0) return words[0]?.split("/").at(-1) ?? "?";
  const [file, command = ""] = [words[script]?.split("/").at(-1) ?? "", words[script + 1]];
  return file === "fairlead.js" ? `fairlead ${command}` : file;
}

async function round(): Promise<{ readyMs: number; answerMs: number; memory: Memory[] }> {
  const dir = mkdtempSync(join(tmpdir(), "fairlead-bench-"));
  const env = { ...process.env, KUBECONFIG: join(dir, "kubeconfig"), FAIRLEAD_RESOLV_CONF: "/dev/null" };
  const manifest = join(dir, "client.json");
  writeFileSync(manifest, JSON.stringify(clientPod));
  const data = join(dir, "data");
  const startedAt = Date.now();
  const up: ChildProcess = spawn(process.execPath, [program, "up", "--data", data, "--demo", "-f", manifest], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const readyAt = await new Promise<number>((resolve, reject) => {
      up.stdout?.once("data", () => resolve(Date.now()));
      up.once("exit", () => reject(new Error("fairlead up ended")));
    });
    const answerAt = await answeredAt(env);
    spawnSync("kubectl", ["delete", "pod", "client", "--grace-period=1"], { env });
    await sleep(5000);
    const { supervisor, holder } = JSON.parse(readFileSync(join(data, "cluster.json"), "utf8")) as {
      supervisor: { pid: number };
      holder: { pid: number };
    };
    return { readyMs: readyAt - startedAt, answerMs: answerAt - startedAt, memory: memory(supervisor.pid, holder.pid) };
  } finally {
    up.removeAllListeners("exit");
    const ended = new Promise((resolve) => up.once("exit", resolve));
    up.kill("SIGTERM");
    await ended;
    rmSync(dir, { recursive: true, force: true });
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const results = [];
for (let i = 0; i < rounds; i++) results.push(await round());
console.log(`Cold start of the one-node demo, ${rounds} rounds`);
console.table({
  "first answer through http://backend from a Pod (ms)": {
    median: median(results.map((r) => r.answerMs)),
    min: Math.min(...results.map((r) => r.answerMs)),
    max: Math.max(...results.map((r) => r.answerMs)),
    aim: 1500,
  },
  "up says ready, demo Pods included (ms)": {
    median: median(results.map((r) => r.readyMs)),
    min: Math.min(...results.map((r) => r.readyMs)),
    max: Math.max(...results.map((r) => r.readyMs)),
  },
});
const last = results.at(-1)?.memory ?? [];
const groups = Map.groupBy(last, ({ name }) => name);
const rows = [...groups].map(([name, list]) => ({
  process: name,
  count: list.length,
  "PSS MiB": +(list.reduce((sum, { kib }) => sum + kib, 0) / 1024).toFixed(1),
}));
console.table(rows.sort((a, b) => b["PSS MiB"] - a["PSS MiB"]));
console.log(
  `All processes of the idle demo: ${(last.reduce((sum, { kib }) => sum + kib, 0) / 1024).toFixed(0)} MiB PSS (aim: under 250)`,
);
