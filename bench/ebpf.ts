/**
 * The eBPF data plane beside nftables: programming time, and new connections a second as a ratio to direct ones.
 * Needs root and cc; everything happens in network namespaces of its own, nothing leaves the machine.
 *
 *   [plain] ───┐
 *   [nft] ─────┼── [server]: ten addresses in each client's network, one process
 *   [sockets] ─┤
 *   [ebpf] ────┘
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBpffs } from "../src/kernel/bpf/bpffs.ts";
import { unshare } from "../src/kernel/ffi.ts";
import { detachMount, makePrivate } from "../src/kernel/mount.ts";
import { createNetns, within } from "../src/kernel/netns.ts";
import { createEbpfDataPlane, probeEbpf } from "../src/proxy/backends/ebpf/plane.ts";
import { createNftablesDataPlane } from "../src/proxy/backends/nftables/plane.ts";
import type { DataPlane } from "../src/proxy/backends/port.ts";
import { nodeA, service, settings, slice } from "../src/proxy/testing/fixtures.ts";
import { Tracker } from "../src/proxy/tracker.ts";

const rounds = 15;
const seconds = 0.3;
const changes = 300;
const port = 9000;
const sizes = [10, 1_000, 10_000];
const clients = ["plain", "nft", "sockets", "ebpf"] as const;
type Client = (typeof clients)[number];

const support = probeEbpf();
if (!support.ok) {
  console.error(`Cannot measure: ${support.reason}`);
  process.exit(1);
}
const CLONE_NEWNS = 0x20000;
unshare(CLONE_NEWNS);
makePrivate("/");
const folder = mkdtempSync(join(tmpdir(), "fairlead-bench-"));
ensureBpffs(folder);
const ns = (name: string) => `/run/fairlead-bench-${process.pid}/${name}`;
const program = join(mkdtempSync(join(tmpdir(), "fairlead-bench-")), "connections");
execFileSync("cc", ["-O2", "-o", program, join(import.meta.dirname, "ebpf", "connections.c")]);

const network = (client: Client) => `10.1.${clients.indexOf(client)}`;
const run = (name: string, line: string) =>
  within(ns(name), () => execFileSync("ip", line.split(" "), { stdio: ["ignore", "ignore", "inherit"] }));

function build(): void {
  for (const name of ["server", ...clients]) createNetns(ns(name));
  for (const client of clients) {
    run(client, `link add eth0 type veth peer name ${client} netns ${ns("server")}`);
    for (let n = 2; n < 12; n++) run("server", `addr add ${network(client)}.${n}/24 dev ${client}`);
    run("server", `link set ${client} up`);
    run(client, `addr add ${network(client)}.1/24 dev eth0`);
    run(client, "link set eth0 up");
    run(client, `route add default via ${network(client)}.2`);
  }
}

const ipOf = (n: number) => `10.96.${n >> 8}.${n & 255}`;

function tracked(client: Client, count: number): Tracker {
  const tracker = new Tracker(nodeA);
  for (let n = 1; n <= count; n++) {
    tracker.setService(service({ name: `s${n}`, clusterIP: ipOf(n) }));
    tracker.setSlice(endpoints(client, n));
  }
  return tracker;
}

const endpoints = (client: Client, n: number, count = 10) =>
  slice(
    Array.from({ length: count }, (_, i) => `${network(client)}.${i + 2}`),
    { name: `s${n}-1`, of: `s${n}`, ports: [{ port }] },
  );

async function sync(plane: DataPlane, tracker: Tracker, full: boolean): Promise<number> {
  const start = performance.now();
  const report = await plane.sync({ services: tracker.compute(), full, ...(full ? { settings: settings() } : {}) });
  for (const { error } of report.families) if (error) throw error;
  return performance.now() - start;
}

const at = (values: readonly number[], share: number) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;

/** Connections a second from the client's namespace. */
function ask(client: Client, address: string): number {
  const { stdout, status } = within(ns(client), () =>
    spawnSync(
      "taskset",
      ["-c", "0", program, "ask", address, String(address.startsWith("10.96.") ? 80 : port), String(seconds)],
      {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"],
      },
    ),
  );
  if (status !== 0) throw new Error(`${client} cannot connect to ${address}`);
  return Number(stdout);
}

const nothing: DataPlane = {
  mode: "none",
  families: ["IPv4"],
  adopt: async () => ({}),
  sync: async () => ({ families: [] }),
  verify: async () => undefined,
  remove: async () => {},
  close: () => {},
};

const programming: object[] = [];
const connecting: object[] = [];

async function measureProgramming(name: string, client: Client, plane: DataPlane, count: number): Promise<void> {
  const tracker = tracked(client, count);
  await plane.adopt();
  const firstMs = await sync(plane, tracker, true);
  const times: number[] = [];
  for (let n = 0; n < changes; n++) {
    tracker.setSlice(endpoints(client, (n % count) + 1, n % 2 ? 10 : 9));
    times.push(await sync(plane, tracker, false));
  }
  programming.push({
    plane: name,
    services: count,
    "first load ms": firstMs.toFixed(0),
    "change p50 ms": at(times, 0.5).toFixed(3),
    "change p99 ms": at(times, 0.99).toFixed(3),
  });
}

build();
const server = within(ns("server"), () =>
  spawn("taskset", ["-c", "0", program, "serve", String(port)], { stdio: ["ignore", "pipe", "inherit"] }),
);
try {
  await once(server.stdout, "data");
  for (const count of sizes) {
    const planes = {
      "ebpf, sockets alone": within(ns("sockets"), () => createEbpfDataPlane({ bpffs: folder, packets: nothing })),
      nftables: within(ns("nft"), () => createNftablesDataPlane()),
      "ebpf with nftables": within(ns("ebpf"), () => createEbpfDataPlane({ bpffs: folder })),
    };
    await measureProgramming("ebpf, sockets alone", "sockets", planes["ebpf, sockets alone"], count);
    await measureProgramming("nftables", "nft", planes.nftables, count);
    await measureProgramming("ebpf with nftables", "ebpf", planes["ebpf with nftables"], count);
    const rates = new Map<string, number[]>();
    const cases: readonly (readonly [string, Client, string])[] = [
      ["direct, no rules", "plain", `${network("plain")}.2`],
      ["direct, connection tracking on", "nft", `${network("nft")}.2`],
      ["nftables", "nft", ipOf(count)],
      ["ebpf, sockets alone", "sockets", ipOf(count)],
      ["ebpf with nftables", "ebpf", ipOf(count)],
    ];
    for (let round = 0; round < rounds; round++) {
      for (const [name, client, address] of cases) rates.set(name, [...(rates.get(name) ?? []), ask(client, address)]);
    }
    // Of the same round: whatever else the machine does then slows both.
    const ratio = (values: readonly number[], to: string) =>
      at(
        values.map((value, round) => value / (rates.get(to)?.[round] ?? 1)),
        0.5,
      ).toFixed(2);
    for (const [name, values] of rates) {
      connecting.push({
        services: count,
        way: name,
        "connections/s": Math.round(at(values, 0.5)),
        "of direct": ratio(values, "direct, no rules"),
        "of direct, tracked": ratio(values, "direct, connection tracking on"),
      });
    }
    for (const plane of Object.values(planes)) {
      await plane.remove();
      plane.close();
    }
  }
  console.table(programming);
  console.table(connecting);
} finally {
  server.kill();
  spawnSync("umount", ["-l", ...["server", ...clients].map(ns)]);
  rmSync(`/run/fairlead-bench-${process.pid}`, { recursive: true });
  rmSync(join(program, ".."), { recursive: true });
  detachMount(folder);
  rmdirSync(folder);
}
