/**
 * Cluster DNS: queries a second on the loopback, against a server that only sends each datagram back: `node bench/dns.ts`.
 * The generator keeps 256 queries on their way, each to another of 10,000 Services; with Debian's dnsperf installed, its figure stands beside.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeQuery } from "../src/dns/testing/dig.ts";
import { DatagramBatch, openUdp, socketAddress } from "../src/kernel/datagrams.ts";
import { close } from "../src/kernel/ffi.ts";
import { ipToBytes, parseIp } from "../src/net/ip.ts";

const services = 10_000;
const seconds = 2;
const window = 256;
const modes = ["echo", "echo in batches", "fairlead dns, Node's datagrams", "fairlead dns"] as const;
type Mode = (typeof modes)[number];

const queries = Array.from({ length: services }, (_, i) =>
  encodeQuery(`svc-${i}.default.svc.cluster.local`, "A", { id: i, edns: 1232 }),
);

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-bench-"));
  const rows: { server: string; own: number; dnsperf: number | undefined; cpuMicros: number; rssMb: number }[] = [];
  try {
    const list = join(folder, "queries");
    writeFileSync(list, Array.from({ length: services }, (_, i) => `svc-${i}.default.svc.cluster.local A\n`).join(""));
    for (const mode of modes) {
      const { child, port } = await startServer(mode);
      try {
        load(port, seconds); // each name is asked for the first time, the code gets warm
        const cpuBefore = cpuSeconds(child);
        const own = load(port, seconds);
        const cpuMicros = ((cpuSeconds(child) - cpuBefore) * 1e6) / (own * seconds);
        rows.push({ server: mode, own, dnsperf: dnsperf(port, list), cpuMicros, rssMb: residentMb(child) });
      } finally {
        child.kill("SIGKILL");
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const best = rows[0]?.own ?? 1;
  console.log(`${services} Services, ${window} queries on their way, ${seconds} s each, one server process`);
  console.table(
    rows.map(({ server, own, dnsperf: other, cpuMicros, rssMb }) => ({
      server,
      "queries/s": Math.round(own),
      "µs of CPU each": Number(cpuMicros.toFixed(1)),
      "ratio to echo": Number((own / best).toFixed(2)),
      "dnsperf queries/s": other === undefined ? "not installed" : Math.round(other),
      "resident MB": Math.round(rssMb),
    })),
  );
}

function startServer(mode: Mode): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "dns/server.ts"), mode, String(services)], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  return new Promise((resolve, reject) => {
    child.once("message", (port) => resolve({ child, port: Number(port) }));
    child.once("exit", (code) => reject(new Error(`the server "${mode}" ended with ${code}`)));
  });
}

/** Each answer that comes lets the next query go; returns answers a second. */
function load(port: number, durationSec: number): number {
  const fd = openUdp("127.0.0.1", 0, 4 << 20);
  const loopback = parseIp("127.0.0.1");
  if (!loopback) throw new Error("no loopback");
  const server = socketAddress(ipToBytes(loopback), port);
  const batch = new DatagramBatch(fd);
  let next = 0;
  const query = (): Buffer => queries[next++ % services] ?? Buffer.alloc(0);
  for (let i = 0; i < window; i++) batch.sendLater(server, query());
  const start = performance.now();
  let answers = 0;
  let idleSince = start;
  for (let now = start; now - start < durationSec * 1000; now = performance.now()) {
    const count = batch.receive();
    for (let i = 0; i < count; i++) batch.reply(i, query());
    batch.flush();
    answers += count;
    if (count > 0) idleSince = now;
    else if (now - idleSince > 100) {
      idleSince = now;
      for (let i = 0; i < window; i++) batch.sendLater(server, query()); // all were lost
    }
  }
  close(fd);
  return answers / ((performance.now() - start) / 1000);
}

function dnsperf(port: number, list: string): number | undefined {
  const args = ["-s", "127.0.0.1", "-p", String(port), "-d", list, "-l", String(seconds), "-c", "4", "-q", "256"];
  const { stdout, status } = spawnSync("dnsperf", args, { encoding: "utf8", timeout: 30_000 });
  return status === 0 ? Number(/Queries per second:\s+([\d.]+)/.exec(stdout)?.[1]) : undefined;
}

/** User and system time; on a busy machine the fairer figure. */
function cpuSeconds({ pid }: ChildProcess): number {
  const ticksPerSecond = 100;
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

function residentMb({ pid }: ChildProcess): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

await main();
