/** From the moment in which a node is cut off to the one in which no EndpointSlice offers its Pods any more. */
import type { Deployment, EndpointSlice, Service } from "../../src/api/object.ts";
import { deployments, endpointSlices, services } from "../../src/api/resource.ts";
import type { Informer } from "../../src/client/client.ts";
import { createInformer } from "../../src/client/informer.ts";
import { type BenchCluster, namespace, round, sleep, when } from "./cluster.ts";

const rounds = 3;
const victim = "node-2";
const labels = { app: "spread" };

const deployment = (): Deployment => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "spread", namespace },
  spec: {
    replicas: 6,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        terminationGracePeriodSeconds: 1,
        topologySpreadConstraints: [
          {
            ...{ maxSkew: 1, topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "DoNotSchedule" },
            labelSelector: { matchLabels: labels },
          },
        ],
        containers: [{ name: "echo", image: "fairlead/echo" }],
      },
    },
  },
});
const service = (): Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "spread", namespace },
  spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
});

export async function benchNodeDeath(cluster: BenchCluster, graceMs: number): Promise<void> {
  const { client, log, signal } = cluster;
  const slices = createInformer(client, endpointSlices, { log, signal }) as Informer<EndpointSlice>;
  await slices.synced;
  const ready = () =>
    [...slices.list()]
      .filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === "spread")
      .flatMap(({ endpoints }) => endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready);
  const onVictim = () => ready().filter(({ nodeName }) => nodeName === victim).length;
  await client.create(services, service());
  await client.create(deployments, deployment());
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    await when(slices as Informer<never>, () => ready().length === 6 && onVictim() === 3);
    await sleep(1000 + 300 * i);
    const begun = performance.now();
    cluster.shell("--outside", "--", "ip", "link", "set", victim, "down");
    times.push((await when(slices as Informer<never>, () => onVictim() === 0)) - begun);
    cluster.shell("--outside", "--", "ip", "link", "set", victim, "up");
  }
  console.log(`Node cut off → its endpoints gone, grace ${graceMs / 1000} s, ${rounds} times (aim: under 5 s)`);
  console.table({ ms: { min: round(Math.min(...times)), max: round(Math.max(...times)) } });
}
