/** Runs the real program: clusters in temporary folders, driven by the real kubectl. Everything is stopped by `stop`. */
import { type ChildProcess, type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const root = join(import.meta.dirname, "..", "..");
export const program = join(root, "bin", "fairlead.js");

const findProgram = (name: string): string | undefined =>
  (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));

const kubectl = process.env.KUBECTL ?? findProgram("kubectl");

/** Why clusters cannot be tested here, or false. */
export const skipReason: string | false = (() => {
  if (!existsSync(join(root, "dist", "fairlead.js"))) return "fairlead is not built: node bin/setup.js";
  if (!kubectl) return "kubectl is not installed (or name it in KUBECTL)";
  return false;
})();

/** The words that make a command run as an ordinary user; undefined where that cannot be tried. */
export function ordinaryUser(): readonly string[] | undefined {
  if (process.getuid?.() !== 0) return [];
  const words = ["runuser", "-u", "nobody", "--"];
  const { status } = spawnSync("runuser", [...words.slice(1), "test", "-r", program], { stdio: "ignore" });
  return status === 0 ? words : undefined;
}

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const result = ({ status, stdout, stderr }: SpawnSyncReturns<string>): Run => ({ code: status, stdout, stderr });

export interface TestCluster {
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
  /** Runs `fairlead …` with this cluster's folder. */
  fairlead(...args: string[]): Run;
  kubectl(...args: string[]): Run;
  /** The same in the background; whoever asks for it ends it. */
  begin(...args: string[]): ChildProcess;
  /** The same, but a failure throws with its output. */
  ok(...args: string[]): string;
  apply(yaml: string): Run;
  /** A command on the first node (or outside), with names of the cluster. */
  shell(...args: string[]): Run;
  stop(): void;
}

export interface ClusterOptions {
  readonly as?: readonly string[];
  /** How many times longer than on a machine of its own everything may take. */
  readonly patience?: number;
}

/** A folder and commands for a cluster that is not started yet. */
export function prepareCluster({ as = [], patience = 1 }: ClusterOptions = {}): TestCluster {
  const dir = mkdtempSync(join(tmpdir(), "fairlead-test-"));
  if (as.length > 0) spawnSync("chown", ["nobody", dir]);
  const env: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    HOME: dir,
    KUBECONFIG: join(dir, "kubeconfig"),
    // Names outside the cluster are nobody's to ask in a test.
    FAIRLEAD_RESOLV_CONF: "/dev/null",
  };
  const run = (command: string, args: readonly string[], input?: string): Run => {
    const [first = command, ...rest] = [...as, command, ...args];
    return result(
      spawnSync(first, rest, {
        env,
        cwd: dir,
        encoding: "utf8",
        timeout: 90_000 * patience,
        ...(input === undefined ? {} : { input }),
      }),
    );
  };
  const data = join(dir, "data");
  const fairlead = (...args: string[]): Run => {
    const [name = "", ...rest] = args;
    return run(process.execPath, [program, name, "--data", data, ...rest]);
  };
  const runKubectl = (...args: string[]): Run => run(kubectl ?? "kubectl", args);
  return {
    dir,
    env,
    fairlead,
    kubectl: runKubectl,
    begin(...args) {
      const [first = "kubectl", ...rest] = [...as, kubectl ?? "kubectl", ...args];
      return spawn(first, rest, { env, cwd: dir, stdio: ["ignore", "pipe", "ignore"] });
    },
    ok(...args) {
      const { code, stdout, stderr } = runKubectl(...args);
      if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${code}: ${stderr}${stdout}`);
      return stdout;
    },
    apply: (yaml) => run(kubectl ?? "kubectl", ["apply", "-f", "-"], yaml),
    shell: (...args) => fairlead("shell", ...args),
    stop() {
      fairlead("down");
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Starts it in the background; throws with what it said when it does not become ready. */
export function startCluster(options: ClusterOptions & { readonly args?: readonly string[] } = {}): TestCluster {
  const cluster = prepareCluster(options);
  const { args = [], patience = 1 } = options;
  const { code, stderr } = cluster.fairlead("up", "--detach", "--timeout", `${30 * patience}s`, ...args);
  if (code === 0) return cluster;
  const logs = ["control-plane", "agent-node-1", "supervisor"].map((name) =>
    tail(join(cluster.dir, "data", "logs", `${name}.log`)),
  );
  cluster.stop();
  throw new Error(`fairlead up ended with ${code}: ${stderr}\n${logs.join("\n")}`);
}

function tail(path: string): string {
  try {
    accessSync(path, constants.R_OK);
    return `${path}:\n${readFileSync(path, "utf8").split("\n").slice(-15).join("\n")}`;
  } catch {
    return "";
  }
}

/** Tries until `condition` gives a value; throws after `timeoutMs` with `what`. */
export async function until<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 20_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`Not within ${timeoutMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Of its standard output. */
export async function firstLine(child: ChildProcess): Promise<string> {
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk;
  });
  return until("a line of output", () => text.includes("\n") && text.slice(0, text.indexOf("\n")));
}
