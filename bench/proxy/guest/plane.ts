/** Runs in the virtual machine, on a node: one data plane without an API server. argv: mode, size, address of the node. Prints a line of JSON and stays. */
import { createLog } from "../../../src/lib/log.ts";
import { chooseDataPlane } from "../../../src/proxy/backends/choose.ts";
import type { Report } from "../../../src/proxy/backends/port.ts";
import { defaultConfig, settingsOf } from "../../../src/proxy/config/effective.ts";
import { Tracker } from "../../../src/proxy/tracker.ts";
import { endpointsEach, podCidr, serviceOf, sliceOf } from "../objects.ts";
import { p50, p99 } from "../statistics.ts";

const changes = 100;
const [mode = "", size = "0", address = ""] = process.argv.slice(2);
const count = Number(size);
const node = { name: "node", zone: undefined, addresses: [address], podCidrs: [podCidr] };
const tracker = new Tracker(node);
const { plane } = await chooseDataPlane(mode, createLog(undefined, { level: "error" }));
for (let n = 0; n < count; n++) {
  const service = serviceOf(n);
  tracker.setService({ ...service, metadata: { ...service.metadata, creationTimestamp: "2026-01-01T00:00:00Z" } });
  tracker.setSlice(sliceOf(n));
}

async function timed(sync: () => Promise<Report>): Promise<number> {
  const start = performance.now();
  const { families } = await sync();
  for (const { error } of families) if (error) throw error;
  return performance.now() - start;
}

await plane.adopt();
const settings = settingsOf({ ...defaultConfig, clusterCIDR: [podCidr] }, node);
const coldMs = await timed(() => plane.sync({ services: tracker.compute(), full: true, settings }));
const changesMs: number[] = [];
for (let n = 0; n < changes; n++) {
  tracker.setSlice(sliceOf((n * 7919) % count, endpointsEach - (n % 2)));
  changesMs.push(await timed(() => plane.sync({ services: tracker.compute(), full: false })));
}
console.log(JSON.stringify({ coldMs, p50Ms: p50(changesMs), p99Ms: p99(changesMs) }));
process.stdin.on("end", () => process.exit()).resume();
