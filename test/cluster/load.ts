/** A client that opens a new connection every few milliseconds, and says in the end how many requests failed, and how. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { program, type TestCluster, until } from "./harness.ts";

export interface LoadResult {
  readonly done: number;
  readonly failed: number;
  readonly slowestMs: number;
  /** Who answered, e.g. { "web-1": 120 }. */
  readonly hosts: Readonly<Record<string, number>>;
  /** e.g. ["12:00:01.234 http://… ECONNREFUSED"], the first of them. */
  readonly failures: readonly string[];
}

/** Arguments: patience, URLs. Asks each URL every 8 ms times its patience until its input ends, or for two minutes times its patience; a line of JSON each 250 ms. */
const loadScript = `
const http = require("node:http");
const [patience, ...urls] = process.argv.slice(1);
const result = { done: 0, failed: 0, slowestMs: 0, hosts: {}, failures: [] };
let ends = false;
const ask = (url) => new Promise((resolve) => {
  const start = Date.now();
  const request = http.get(url, { agent: false, timeout: 15000 * patience }, (response) => {
    let text = ""; response.on("data", (d) => { text += d; });
    response.on("end", () => { result.done++; result.slowestMs = Math.max(result.slowestMs, Date.now() - start); const host = text.trim(); result.hosts[host] = (result.hosts[host] || 0) + 1; resolve(); });
    response.on("error", fail);
  });
  const fail = (error) => {
    result.failed++;
    if (result.failures.length < 20) result.failures.push(new Date().toISOString().slice(11) + " " + url + " " + (error.code || error.message));
    resolve();
  };
  request.on("timeout", () => request.destroy(new Error("timeout")));
  request.on("error", fail);
});
const work = async (url) => { while (!ends) { await ask(url); await new Promise((r) => setTimeout(r, 8 * patience)); } };
const report = () => console.log(JSON.stringify(result));
const timer = setInterval(report, 250);
const limit = setTimeout(() => { ends = true; }, 120000 * patience);
process.stdin.on("end", () => { ends = true; }).resume();
Promise.all(urls.map(work)).then(() => { clearInterval(timer); clearTimeout(limit); report(); process.exit(0); });
`;

export interface Load {
  /** So far. */
  now(): LoadResult;
  /** Resolves with the whole. */
  stop(): Promise<LoadResult>;
}

const none: LoadResult = { done: 0, failed: 0, slowestMs: 0, hosts: {}, failures: [] };
const lastOf = (text: string): LoadResult => {
  const line = text
    .trimEnd()
    .split("\n")
    .findLast((one) => one.startsWith("{") && one.endsWith("}"));
  return line ? (JSON.parse(line) as LoadResult) : none;
};

export interface LoadOptions {
  readonly urls: readonly string[];
  readonly patience?: number;
}

const wordsOf = ({ urls, patience = 1 }: LoadOptions): string[] => [
  process.execPath,
  "-e",
  loadScript,
  String(patience),
  ...urls,
];

/** A client on the host, or where `place` (arguments of `fairlead shell`) says. */
export function loadFrom(cluster: TestCluster, place: readonly string[] | "host", options: LoadOptions): Load {
  const words = wordsOf(options);
  const shell = [process.execPath, program, "shell", "--data", join(cluster.dir, "data"), ...place, "--", ...words];
  const [command = "", ...args] = place === "host" ? words : shell;
  const child: ChildProcess = spawn(command, args, { env: cluster.env, stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  child.stdout?.on("data", (data: Buffer) => {
    output = (output + data.toString()).slice(-100_000);
  });
  const ended = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  return {
    now: () => lastOf(output),
    async stop() {
      child.stdin?.end();
      await ended;
      return lastOf(output);
    },
  };
}

/** A Pod that asks until it is deleted. */
export function loadFromPod(cluster: TestCluster, name: string, options: LoadOptions): Load {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: "load", image: "host", stdin: true, command: wordsOf(options) }],
    },
  };
  const { code, stderr } = cluster.apply(JSON.stringify(pod));
  if (code !== 0) throw new Error(stderr);
  const now = () => lastOf(cluster.kubectl("logs", name, "--tail=3").stdout);
  return {
    now,
    async stop() {
      const before = now().done;
      await until("the Pod reports once more", () => now().done > before, 20_000 * (options.patience ?? 1));
      const last = now();
      cluster.ok("delete", "pod", name, "--wait=false");
      return last;
    },
  };
}
