/** What is measured: fairlead's API server, and beside it kube-apiserver with etcd where the machine has them. */
import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startApiProcess } from "../../test/support/api-process.ts";
import { type Endpoint, HttpConnection, requestBytes } from "../../test/support/http-connection.ts";

export interface Subject {
  readonly name: string;
  readonly endpoint: Endpoint;
  /** Of its processes, in bytes. */
  rssBytes(): number;
  /** Processor time of its processes so far. */
  cpuMs(): number;
  stop(): Promise<void>;
}

const readyMs = 120_000;

function rssOf(pid: number | undefined): number {
  const kb = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kb) * 1024;
}

/** Linux counts it in hundredths of a second. */
function cpuMsOf(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

export async function startFairlead(dir: string): Promise<Subject> {
  const { endpoint, child, stop } = await startApiProcess(dir);
  return {
    name: "fairlead",
    endpoint,
    rssBytes: () => rssOf(child.pid),
    cpuMs: () => cpuMsOf(child.pid),
    stop: () => stop("SIGKILL"),
  };
}

async function untilReady(endpoint: Endpoint): Promise<void> {
  const end = Date.now() + readyMs;
  for (;;) {
    try {
      const connection = await HttpConnection.open(endpoint);
      const { status } = await connection.ask(
        requestBytes("GET", "/readyz", { headers: { authorization: `Bearer ${endpoint.token}` } }),
      );
      connection.close();
      if (status === 200) return;
    } catch {
      // It does not listen yet.
    }
    if (Date.now() > end) throw new Error("kube-apiserver is not ready");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Undefined: FAIRLEAD_BENCH_KUBE_APISERVER and FAIRLEAD_BENCH_ETCD do not name the programs. */
export async function startKubeApiserver(dir: string, basePort = 24790): Promise<Subject | undefined> {
  const { FAIRLEAD_BENCH_KUBE_APISERVER: program, FAIRLEAD_BENCH_ETCD: etcdProgram } = process.env;
  if (!program || !etcdProgram) return undefined;
  mkdirSync(dir, { recursive: true });
  const [client, peer, port] = [basePort, basePort + 1, basePort + 2];
  const url = (at: number): string => `http://127.0.0.1:${at}`;
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const file = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const token = "bench";
  const run = (words: readonly string[]): ChildProcess =>
    spawn(words[0] ?? "", words.slice(1), { stdio: "ignore", cwd: dir });
  const etcd = run([
    etcdProgram,
    ...["--data-dir", join(dir, "etcd"), "--listen-client-urls", url(client), "--advertise-client-urls", url(client)],
    ...["--listen-peer-urls", url(peer), "--initial-advertise-peer-urls", url(peer)],
    ...["--initial-cluster", `default=${url(peer)}`],
  ]);
  const server = run([
    program,
    `--etcd-servers=${url(client)}`,
    ...["--bind-address=127.0.0.1", `--secure-port=${port}`, `--cert-dir=${join(dir, "certs")}`],
    ...["--service-account-issuer=https://bench", `--service-account-key-file=${file("sa.pub", publicKey)}`],
    ...[`--service-account-signing-key-file=${file("sa.key", privateKey)}`, "--service-cluster-ip-range=10.96.0.0/16"],
    ...[
      `--token-auth-file=${file("tokens.csv", `${token},admin,admin,system:masters\n`)}`,
      "--authorization-mode=RBAC",
    ],
    ...[
      "--advertise-address=192.0.2.1",
      "--endpoint-reconciler-type=none",
      "--disable-admission-plugins=ServiceAccount",
    ],
  ]);
  const endpoint: Endpoint = { port, ca: "", token };
  const stop = async (): Promise<void> => {
    for (const child of [server, etcd]) {
      const gone = once(child, "exit");
      if (child.exitCode === null && child.kill("SIGKILL")) await gone;
    }
  };
  await untilReady(endpoint).catch(async (error) => {
    await stop();
    throw error;
  });
  return {
    name: "kube-apiserver",
    endpoint,
    rssBytes: () => rssOf(server.pid) + rssOf(etcd.pid),
    cpuMs: () => cpuMsOf(server.pid) + cpuMsOf(etcd.pid),
    stop,
  };
}
