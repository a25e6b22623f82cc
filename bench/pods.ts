/** Pods: how fast they start, what they cost, whether replacing them is seen, and how fast a dead node's are left out. */
import { startBenchCluster } from "./pods/cluster.ts";
import { benchNodeDeath } from "./pods/node-death.ts";
import { benchRolling } from "./pods/rolling.ts";
import { benchStart } from "./pods/start.ts";

/** An agent renews its Lease four times in it. */
const graceMs = 4_000;

const wanted = process.argv.slice(2);
const cluster = await startBenchCluster(["--nodes", "2", "--node-monitor-grace-period", `${graceMs}ms`]);
try {
  const parts = { start: benchStart, rolling: benchRolling, death: () => benchNodeDeath(cluster, graceMs) };
  for (const [name, run] of Object.entries(parts)) {
    if (wanted.length === 0 || wanted.includes(name)) await run(cluster);
  }
} finally {
  await cluster.stop();
}
process.exit(0);
