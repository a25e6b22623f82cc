/**
 * The iptables data plane, both variants: a first load, one endpoint's change, adoption, and new connections through the first
 * and the last Service as a share of direct ones. Needs root or `unshare -Urn`; all in network namespaces of its own.
 */
import { execFileSync } from "node:child_process";
import { connect, createServer } from "node:net";
import { CLONE_NEWNET, hasCode, unshare } from "../src/kernel/ffi.ts";
import { openIptables } from "../src/kernel/iptables/linux.ts";
import { createIptablesDataPlane } from "../src/proxy/backends/iptables/plane.ts";
import type { DataPlane, Report } from "../src/proxy/backends/port.ts";
import { computeService } from "../src/proxy/compute.ts";
import type { ServicePort } from "../src/proxy/state.ts";
import { nodeA, service, settings, slice } from "../src/proxy/testing/fixtures.ts";

const sizes = [100, 1_000, 10_000];
const endpointsEach = 10;
const changes = 15;
const connectMs = 1_000;
const server = { host: "10.244.0.11", port: 8080 };

const clusterIp = (n: number): string => `10.96.${n >> 8}.${n & 255}`;

/** Service 1 and the last one lead to the server, all others nowhere. */
function portsOf(
  n: number,
  { isReal, generation = 0 }: { isReal: boolean; generation?: number },
): readonly ServicePort[] {
  const address = (i: number) => `10.${100 + ((n + generation) >> 8)}.${(n + generation) & 255}.${i + 1}`;
  // One of each Service's endpoints runs here, the others elsewhere.
  const elsewhere = Array.from({ length: endpointsEach }, (_, i) => ({
    ip: address(i),
    node: i === 0 ? "node-a" : "node-b",
  }));
  const addresses = isReal ? [server.host] : elsewhere;
  return computeService(service({ name: `s${n}`, clusterIP: clusterIp(n) }), [slice(addresses)], nodeA);
}

function check({ families }: Report): void {
  for (const { error } of families) if (error) throw error;
}

async function timed(body: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await body();
  return performance.now() - start;
}

function connectOnce(to: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(to, () => socket.write("?"));
    socket.on("data", () => socket.resetAndDestroy());
    socket.on("error", reject);
    socket.on("close", () => resolve());
  });
}

async function connectionsIn(to: { host: string; port: number }): Promise<number> {
  const end = performance.now() + connectMs;
  let count = 0;
  for (; performance.now() < end; count++) await connectOnce(to);
  return count;
}

async function measure(variant: "nft" | "legacy", count: number): Promise<Record<string, string | number>> {
  unshare(CLONE_NEWNET);
  for (const line of [
    "ip link set lo up",
    `ip address add ${server.host}/32 dev lo`,
    "ip route add 10.96.0.0/16 dev lo",
  ]) {
    const [program = "", ...args] = line.split(" ");
    execFileSync(program, args);
  }
  const listener = createServer((socket) => socket.on("error", () => {}).on("data", () => socket.write("!")));
  await new Promise<void>((resolve) => listener.listen(server, resolve));
  const open = (): DataPlane =>
    createIptablesDataPlane({ families: ["IPv4"], open: (of) => openIptables(of, variant) });
  const direct = await connectionsIn(server);
  const plane = open();
  await plane.adopt();
  const isReal = (n: number) => n === 1 || n === count;
  const services = new Map(
    Array.from({ length: count }, (_, i) => [`default/s${i + 1}`, portsOf(i + 1, { isReal: isReal(i + 1) })] as const),
  );
  const coldMs = await timed(async () => check(await plane.sync({ services, full: true, settings: settings() })));
  const changesMs: number[] = [];
  for (let generation = 1; generation <= changes; generation++) {
    const n = 2 + ((generation * 37) % (count - 3));
    const changed = new Map([[`default/s${n}`, portsOf(n, { isReal: false, generation })]]);
    changesMs.push(await timed(async () => check(await plane.sync({ services: changed, full: false }))));
  }
  const [first, last] = [
    await connectionsIn({ host: clusterIp(1), port: 80 }),
    await connectionsIn({ host: clusterIp(count), port: 80 }),
  ];
  const next = open();
  const adoptMs = await timed(() => next.adopt());
  next.close();
  plane.close();
  listener.close();
  return {
    variant,
    services: count,
    "cold ms": Math.round(coldMs),
    "change p50 ms": Math.round(changesMs.sort((a, b) => a - b)[changes >> 1] ?? 0),
    "adopt ms": Math.round(adoptMs),
    "first/direct": Number((first / direct).toFixed(2)),
    "last/direct": Number((last / direct).toFixed(2)),
  };
}

try {
  unshare(CLONE_NEWNET);
} catch (error) {
  if (!hasCode(error, "EPERM")) throw error;
  console.error("Making a network namespace needs root: run under `unshare -Urn`");
  process.exit(1);
}
const rows: Record<string, string | number>[] = [];
for (const variant of ["nft", "legacy"] as const) for (const size of sizes) rows.push(await measure(variant, size));
console.table(rows);
