/**
 * The kill -9 storm: `fairlead apiserver` is killed at random moments under writers and watchers, some of the time with its
 * disk full. No acknowledged write is lost, no address or port is given twice, no watcher misses or repeats an event.
 * node scripts/isolated.ts test/storm/run.ts [--kills N] [--seed N] [--side-by-side N]. Prints one line of JSON.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SmallDisk } from "./disk.ts";
import { Storm, type StormResult } from "./storm.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "40" },
    seed: { type: "string", default: "1" },
    /** Storms at the same time, each with a server of its own; the odd ones on a small disk. */
    "side-by-side": { type: "string", default: "2" },
  },
});
const kills = Number(values.kills);
const storms = Number(values["side-by-side"]);
const root = mkdtempSync(join(tmpdir(), "fairlead-storm-"));
const begunMs = performance.now();

async function runOne(index: number): Promise<StormResult> {
  const dir = join(root, String(index));
  mkdirSync(dir);
  const disk = index % 2 === 1 ? new SmallDisk(dir) : undefined;
  try {
    return await new Storm(dir, Number(values.seed) * 10 + index, disk).run(Math.ceil(kills / storms));
  } finally {
    disk?.unmount();
  }
}

const ended = await Promise.allSettled(Array.from({ length: storms }, (_, index) => runOne(index)));
rmSync(root, { recursive: true, force: true });
const results = ended.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
const broken = ended.flatMap((end) => (end.status === "rejected" ? [`a storm broke off: ${end.reason}`] : []));
const faults = [...broken, ...results.flatMap((result) => result.faults)];
const sum: Record<string, number> = {
  seconds: Math.round((performance.now() - begunMs) / 1000),
  faults: faults.length,
};
for (const { faults: _faults, ...counts } of results) {
  for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count;
}
console.log(JSON.stringify(sum));
for (const fault of faults) console.error(fault);
process.exit(faults.length > 0 ? 1 : 0);
