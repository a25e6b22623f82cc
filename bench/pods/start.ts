/** Pods from their creation to ready, alone and many at once; what they cost in memory. */
import type { Pod } from "../../src/api/object.ts";
import { pods as resource } from "../../src/api/resource.ts";
import type { Informer } from "../../src/client/client.ts";
import { type BenchCluster, isReady, namespace, quantile, removePods, round, sleep, when } from "./cluster.ts";

const alone = 30;
const burst = 200;

const podOf = (name: string): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: "sleep", image: "host", command: ["/bin/sleep", "100000"] }],
  },
});

/** Milliseconds from the request of the creation to the watch's event that says ready. */
async function startOf({ client, pods }: BenchCluster, name: string): Promise<number> {
  const begun = performance.now();
  const ready = when(pods as Informer<never>, () => {
    const pod = pods.get(`${namespace}/${name}`);
    return pod !== undefined && isReady(pod);
  });
  await client.create(resource, podOf(name));
  return (await ready) - begun;
}

/** By part: what runs the containers, which each Pod has for itself, and the agents; the containers' own process is none of these. */
const partOf = (words: readonly string[]): string | undefined => {
  if (words.includes("--node-name")) return "agents";
  if (words.some((word) => /shim\.sh$|setup\.sh$/.test(word)) || words[0]?.endsWith("unshare")) return "shims";
  return undefined;
};

export async function benchStart(cluster: BenchCluster): Promise<void> {
  for (let i = 0; i < 5; i++) await startOf(cluster, `warm-${i}`);
  const single: number[] = [];
  for (let i = 0; i < alone; i++) single.push(await startOf(cluster, `alone-${i}`));
  await removePods(cluster);
  const before = cluster.memory(partOf);
  const cpuBefore = cluster.cpuSeconds();
  const begun = performance.now();
  const many = await Promise.all(Array.from({ length: burst }, (_, i) => startOf(cluster, `burst-${i}`)));
  const tookMs = performance.now() - begun;
  const cpuMs = ((cluster.cpuSeconds() - cpuBefore) * 1000) / burst;
  await sleep(5000);
  const after = cluster.memory(partOf);
  const perPod = (part: string): number => ((after.get(part) ?? 0) - (before.get(part) ?? 0)) / burst;
  console.log("Pod created → ready, one process of the machine without probes (aims: 150 ms alone; 200 in 10 s)");
  console.table({
    [`alone, ${alone} one after the other`]: {
      "p50 ms": round(quantile(single, 0.5)),
      "p99 ms": round(quantile(single, 0.99)),
    },
    [`${burst} at once on two nodes`]: {
      "p50 ms": round(quantile(many, 0.5)),
      "p99 ms": round(quantile(many, 0.99)),
      "all ms": round(tookMs),
      "Pods/s": round((burst * 1000) / tookMs),
      // What does not depend on what else the machine does.
      "CPU ms a Pod": round(cpuMs),
    },
  });
  console.log("Memory (PSS) for each idle Pod beside its own process (aim: under 3 MiB)");
  console.table({
    agent: { "MiB a Pod": round(perPod("agents")) },
    shims: { "MiB a Pod": round(perPod("shims")) },
    both: { "MiB a Pod": round(perPod("agents") + perPod("shims")) },
  });
  await removePods(cluster);
}
