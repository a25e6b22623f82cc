/** Drives the kubectl of the machine (or of the variable KUBECTL) against an API server of this process. */
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { formatKubeconfig } from "../../src/apiserver/kubeconfig.ts";
import { startTestServer, type TestServer } from "../../src/apiserver/testing.ts";

interface Run {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Kubectl {
  readonly server: TestServer;
  /** Runs to its end; `input` goes to stdin. */
  run(args: readonly string[], options?: { input?: string; env?: Record<string, string> }): Promise<Run>;
  /** As run(), for commands that must succeed: resolves with stdout. */
  ok(args: string, options?: { input?: string; env?: Record<string, string> }): Promise<string>;
  close(): Promise<void>;
}

const timeoutMs = 30_000;

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The program's path; undefined: there is none. */
function findKubectl(): string | undefined {
  const { KUBECTL, PATH = "" } = process.env;
  if (KUBECTL) return KUBECTL;
  return PATH.split(delimiter)
    .map((dir) => join(dir, "kubectl"))
    .find(isExecutable);
}

/** For node:test: the reason to skip, or false. */
export const skip: string | false = findKubectl() ? false : "kubectl is neither on the PATH nor named by KUBECTL";

export async function startKubectl(): Promise<Kubectl> {
  const program = findKubectl();
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
      child.stdin.end(input);
    });
  return {
    server,
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
