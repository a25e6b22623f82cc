/** A cluster for the benches of this folder, and what they ask of it. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pod } from "../../src/api/object.ts";
import { pods } from "../../src/api/resource.ts";
import type { ApiClient, Informer } from "../../src/client/client.ts";
import { createInformer } from "../../src/client/informer.ts";
import { loadKubeconfig } from "../../src/client/kubeconfig.ts";
import { createClient } from "../../src/client/rest.ts";
import { createLog } from "../../src/lib/log.ts";

export const program = join(import.meta.dirname, "..", "..", "bin", "fairlead.js");
export const namespace = "default";
export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export interface BenchCluster {
  readonly client: ApiClient;
  readonly pods: Informer<Pod>;
  readonly log: ReturnType<typeof createLog>;
  readonly signal: AbortSignal;
  /** A command of `fairlead shell`, e.g. ["--outside", "--", "ip", "link"]; returns its output. */
  shell(...words: string[]): string;
  /** The same in the background. */
  spawnShell(...words: string[]): ChildProcess;
  /** MiB (PSS) of the cluster's processes, by the name that `nameOf` gives; those without one do not count. */
  memory(nameOf: (words: readonly string[]) => string | undefined): Map<string, number>;
  /** Seconds of processor time that its processes and their ended children have had. */
  cpuSeconds(): number;
  stop(): Promise<void>;
}

export const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") ?? false;

export const quantile = (values: readonly number[], q: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
};

export const round = (value: number): number => Number(value.toFixed(value < 10 ? 2 : 0));

/** Resolves with performance.now() of the moment in which the informer's objects satisfy `condition`. */
export function when(informer: Informer<never>, condition: () => boolean, limitMs = 180_000): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Not within ${limitMs / 1000} s: ${condition}`)), limitMs);
    const end = informer.onChange(look);
    look();
    function look(): void {
      if (!condition()) return;
      clearTimeout(timer);
      resolve(performance.now());
      queueMicrotask(() => end?.());
    }
  });
}

export async function startBenchCluster(args: readonly string[]): Promise<BenchCluster> {
  const dir = mkdtempSync(join(tmpdir(), "fairlead-bench-"));
  const env = { ...process.env, KUBECONFIG: join(dir, "kubeconfig"), FAIRLEAD_RESOLV_CONF: "/dev/null" };
  const data = join(dir, "data");
  const up = spawn(process.execPath, [program, "up", "--data", data, ...args], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const end = new AbortController();
  const stop = async () => {
    end.abort();
    up.removeAllListeners("exit");
    const ended = new Promise((resolve) => up.once("exit", resolve));
    if (up.exitCode === null && up.kill("SIGTERM")) await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await new Promise((resolve, reject) => {
      up.stdout.once("data", resolve);
      up.once("exit", () => reject(new Error("fairlead up ended")));
    });
    const log = createLog(undefined, { level: "error" });
    const { signal } = end;
    const config = await loadKubeconfig(join(dir, "kubeconfig"));
    const client = createClient(config, { userAgent: "bench", log, signal });
    const informer = createInformer(client, pods, { log, signal });
    await informer.synced;
    const words = (rest: readonly string[]) => [program, "shell", "--data", data, ...rest];
    return {
      ...{ client, log, signal, stop, pods: informer },
      shell: (...rest) => {
        const { stdout, stderr, status } = spawnSync(process.execPath, words(rest), { env, encoding: "utf8" });
        if (status !== 0) throw new Error(`"${rest.join(" ")}" ended with ${status}: ${stderr}`);
        return stdout;
      },
      spawnShell: (...rest) => spawn(process.execPath, words(rest), { env, stdio: ["ignore", "pipe", "inherit"] }),
      memory: (nameOf) => memoryOf(join(data, "cluster.json"), nameOf),
      cpuSeconds: () => cpuSecondsOf(join(data, "cluster.json")),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Deletes all Pods of the namespace without their grace, and waits until they are gone. */
export async function removePods({ client, pods: known }: BenchCluster): Promise<void> {
  const mine = () => [...known.list()].filter(({ metadata }) => metadata.namespace === namespace);
  for (const { metadata } of mine()) await client.delete(pods, metadata, { gracePeriodSeconds: 0 });
  await when(known as Informer<never>, () => mine().length === 0);
  // The node has still to end them.
  await sleep(2000);
}

function memoryOf(state: string, nameOf: (words: readonly string[]) => string | undefined): Map<string, number> {
  const { holder } = JSON.parse(readFileSync(state, "utf8")) as { holder: { pid: number } };
  const sums = new Map<string, number>();
  for (const pid of inNamespaceOf(holder.pid)) {
    try {
      const name = nameOf(readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").filter(Boolean));
      const [, kib = "0"] = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")) ?? [];
      if (name) sums.set(name, (sums.get(name) ?? 0) + Number(kib) / 1024);
    } catch {
      // It ended meanwhile.
    }
  }
  return sums;
}

/** USER_HZ: what proc_pid_stat(5) counts in. */
const ticksPerSecond = 100;

function cpuSecondsOf(state: string): number {
  const { holder } = JSON.parse(readFileSync(state, "utf8")) as { holder: { pid: number } };
  let ticks = 0;
  for (const pid of inNamespaceOf(holder.pid)) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      // utime, stime, cutime, cstime
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      ticks += fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    } catch {
      // It ended meanwhile.
    }
  }
  return ticks / ticksPerSecond;
}

/** Processes of its pid namespace and of those below. */
function inNamespaceOf(holder: number): number[] {
  const parents = new Map<number, number>();
  for (const pid of readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)) {
    try {
      parents.set(pid, Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]));
    } catch {
      // It ended meanwhile.
    }
  }
  const namespaceOf = (pid: number): string | undefined => {
    try {
      return readlinkSync(`/proc/${pid}/ns/pid`);
    } catch {
      return undefined;
    }
  };
  const wanted = namespaceOf(holder);
  const belongs = (pid: number): boolean => {
    if (namespaceOf(pid) === wanted) return true;
    const parent = parents.get(pid) ?? 0;
    return parent > 1 && belongs(parent);
  };
  return [...parents.keys()].filter(belongs);
}
