/** Drives the kubectl of the machine (or of the variable KUBECTL) against an API server of this process. */
import { spawn, spawnSync } from "node:child_process";
import { readdirSync, realpathSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { formatKubeconfig } from "../../src/apiserver/kubeconfig.ts";
import { startTestServer, type TestServer } from "../../src/apiserver/testing.ts";
import { findProgram, isExecutable } from "../../src/kernel/find-program.ts";

export interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Kubectl {
  readonly server: TestServer;
  /** A folder of its own, which is its HOME. */
  readonly dir: string;
  /** Runs to its end; `input` goes to stdin. */
  run(args: readonly string[], options?: RunOptions): Promise<Run>;
  /** As run(), for commands that must succeed: resolves with stdout. */
  ok(args: string, options?: RunOptions): Promise<string>;
  close(): Promise<void>;
}

const timeoutMs = 30_000;

/** The program's path; undefined: there is none. */
function findKubectl(): string | undefined {
  const { KUBECTL, PATH = "" } = process.env;
  if (KUBECTL) return KUBECTL;
  return findProgram("kubectl", PATH);
}

/** "1.33.1"; undefined: it does not say. */
function versionOf(program: string): string | undefined {
  const { stdout } = spawnSync(program, ["version", "--client", "-o", "json"], {
    encoding: "utf8",
    timeout: timeoutMs,
  });
  return /"gitVersion": "v(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
}

export interface Program {
  readonly path: string;
  readonly version: string;
}

/** Every kubectl: the one above, and those that stand beside it, as kubectl.1.33; of each version one, the oldest first. */
export function findKubectls(): Program[] {
  const first = findKubectl();
  if (!first) return [];
  const dirs = new Set([dirname(first), dirname(realpathSync(first))]);
  const beside = [...dirs].flatMap((dir) =>
    readdirSync(dir)
      .filter((name) => /^kubectl[.-]?v?1\.\d+/.test(name))
      .map((name) => join(dir, name)),
  );
  const found = new Map<string, string>();
  for (const path of [first, ...beside].filter(isExecutable)) {
    const version = versionOf(path);
    if (version && !found.has(version)) found.set(version, path);
  }
  const minor = (version: string): number => Number(version.split(".")[1]);
  return [...found].map(([version, path]) => ({ path, version })).sort((a, b) => minor(a.version) - minor(b.version));
}

/** For node:test: the reason to skip, or false. */
export const skip: string | false = findKubectl() ? false : "kubectl is neither on the PATH nor named by KUBECTL";

export async function startKubectl(program = findKubectl()): Promise<Kubectl> {
  if (!program) throw new Error(skip || "kubectl is missing");
  const server = await startTestServer({ namespaces: ["default", "kube-system"] });
  const dir = await mkdtemp(join(tmpdir(), "fairlead-kubectl-"));
  const kubeconfig = join(dir, "kubeconfig");
  const { pki, port } = server;
  const text = formatKubeconfig({ server: `https://127.0.0.1:${port}`, ca: pki.ca, credential: pki.client("admin") });
  await writeFile(kubeconfig, text, { mode: 0o600 });
  const run: Kubectl["run"] = (args, { input = "", env = {} } = {}) =>
    new Promise((resolve, reject) => {
      const child = spawn(program, args, {
        cwd: dir,
        env: { ...process.env, KUBECONFIG: kubeconfig, HOME: dir, ...env },
        timeout: timeoutMs,
      });
      const [out, err]: [Buffer[], Buffer[]] = [[], []];
      child.stdout.on("data", (chunk) => out.push(chunk));
      child.stderr.on("data", (chunk) => err.push(chunk));
      child.on("error", reject);
      child.on("close", (code) => {
        resolve({ code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() });
      });
      child.stdin.on("error", () => {});
      child.stdin.end(input);
    });
  return {
    server,
    dir,
    run,
    async ok(args, options) {
      const { code, out, err } = await run(args.split(" "), options);
      if (code !== 0) throw new Error(`kubectl ${args} ended with ${code}: ${err}${out}`);
      return out;
    },
    async close() {
      await server.close();
      await rm(dir, { recursive: true });
    },
  };
}
