/**
 * The proxy: how long a change takes from a slice to the kernel, and a first load, at several sizes.
 * Needs root or `unshare -Urn`; everything happens in a network namespace of its own.
 */
import { CLONE_NEWNET, hasCode, unshare } from "../src/kernel/ffi.ts";
import { fakeNftables } from "../src/kernel/nftables/fake.ts";
import { openNftables } from "../src/kernel/nftables/linux.ts";
import type { Nftables } from "../src/kernel/nftables/port.ts";
import { createNftablesDataPlane } from "../src/proxy/backends/nftables/plane.ts";
import type { DataPlane, FamilyReport } from "../src/proxy/backends/port.ts";
import { nodeA, service, settings, slice } from "../src/proxy/testing/fixtures.ts";
import { Tracker } from "../src/proxy/tracker.ts";

const endpointsEach = 10;
const rounds = 200;

try {
  unshare(CLONE_NEWNET);
} catch (error) {
  if (!hasCode(error, "EPERM")) throw error;
  console.error("Making a network namespace needs root: run under `unshare -Urn`");
  process.exit(1);
}

const ipOf = (n: number) => `10.${100 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
const serviceOf = (n: number) => service({ name: `s${n}`, clusterIP: `10.96.${n >> 8}.${n & 255}` });
const sliceOf = (n: number, first: number, count = endpointsEach) =>
  slice(
    Array.from({ length: count }, (_, i) => ipOf(first + i)),
    { name: `s${n}-1`, of: `s${n}` },
  );

interface Timing {
  readonly totalMs: number;
  readonly kernelMs: number;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
const ms = (value: number) => value.toFixed(value < 10 ? 3 : 0);

async function sync(tracker: Tracker, plane: DataPlane, first = false): Promise<Timing> {
  const start = performance.now();
  const services = tracker.compute();
  const report = await plane.sync({ services, full: first, ...(first ? { settings: settings() } : {}) });
  const failed = report.families.find(({ error }: FamilyReport) => error);
  if (failed?.error) throw failed.error;
  const kernelMs = report.families.reduce((sum, family) => sum + family.kernelMs, 0);
  return { totalMs: performance.now() - start, kernelMs };
}

async function load(
  count: number,
  nftables: Nftables,
): Promise<{ tracker: Tracker; plane: DataPlane; timing: Timing }> {
  const tracker = new Tracker(nodeA);
  for (let n = 0; n < count; n++) {
    tracker.setService(serviceOf(n));
    tracker.setSlice(sliceOf(n, n * endpointsEach));
  }
  const plane = createNftablesDataPlane({ nftables, families: ["IPv4"] });
  await plane.adopt();
  return { tracker, plane, timing: await sync(tracker, plane, true) };
}

/** Median over changes of different Services. */
async function changes(
  count: number,
  loaded: { tracker: Tracker; plane: DataPlane },
  change: (n: number, round: number) => ReturnType<typeof slice>,
) {
  const timings: Timing[] = [];
  for (let round = 0; round < rounds; round++) {
    const n = (round * 7) % count;
    loaded.tracker.setSlice(change(n, round));
    timings.push(await sync(loaded.tracker, loaded.plane));
    loaded.tracker.setSlice(sliceOf(n, n * endpointsEach));
    await sync(loaded.tracker, loaded.plane);
  }
  return { totalMs: median(timings.map((t) => t.totalMs)), kernelMs: median(timings.map((t) => t.kernelMs)) };
}

const row = (name: string, count: number, { totalMs, kernelMs }: Timing) => ({
  what: name,
  services: count,
  endpoints: count * endpointsEach,
  "ours ms": ms(totalMs - kernelMs),
  "kernel ms": ms(kernelMs),
  "total ms": ms(totalMs),
});

const rows: ReturnType<typeof row>[] = [];
// The first run of each path is the compiler's.
const warm = await load(100, fakeNftables());
await changes(100, warm, (n) => sliceOf(n, 900_000));
for (const count of [10, 100, 1_000, 10_000]) {
  unshare(CLONE_NEWNET);
  const nft = openNftables();
  const loaded = await load(count, nft);
  rows.push(row("first load", count, loaded.timing));
  rows.push(
    row(
      "one endpoint replaced",
      count,
      await changes(count, loaded, (n, r) =>
        slice(
          [ipOf(900_000 + r), ...Array.from({ length: endpointsEach - 1 }, (_, i) => ipOf(n * endpointsEach + i + 1))],
          { name: `s${n}-1`, of: `s${n}` },
        ),
      ),
    ),
  );
  rows.push(
    row(
      "one endpoint less",
      count,
      await changes(count, loaded, (n) => sliceOf(n, n * endpointsEach, endpointsEach - 1)),
    ),
  );
  const start = performance.now();
  const next = createNftablesDataPlane({ nftables: openNftables(), families: ["IPv4"] });
  await next.adopt();
  const adoptMs = performance.now() - start;
  rows.push({
    ...row(
      "adopt and first sync",
      count,
      await (async () => {
        for (let n = 0; n < count; n++) loaded.tracker.setService(serviceOf(n));
        const timing = await sync(loaded.tracker, next, true);
        return { totalMs: timing.totalMs + adoptMs, kernelMs: timing.kernelMs };
      })(),
    ),
  });
  next.close();
  loaded.plane.close();
}
console.table(rows);
const { rss } = process.memoryUsage();
console.log(`resident memory at the end: ${Math.round(rss / 2 ** 20)} MiB`);
