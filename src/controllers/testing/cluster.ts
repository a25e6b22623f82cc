/** A small cluster for the controllers' tests: an API server, all controllers, and an agent that plays all Nodes. */
import type { TestContext } from "node:test";
import type { Deployment, Lease, Namespace, Node, Pod } from "../../api/object.ts";
import * as resources from "../../api/resource.ts";
import { type ApiClient, isNotFound } from "../../client/client.ts";
import { createInformer } from "../../client/informer.ts";
import { retryOnConflict } from "../../client/retry-on-conflict.ts";
import { createLog } from "../../lib/log.ts";
import { timestamp } from "../context.ts";
import { startControllers } from "../mod.ts";
import { node } from "./objects.ts";

export interface Cluster {
  readonly client: ApiClient;
  /** What was logged as a warning or worse. */
  readonly errors: string[];
}

/** A client of an API server that is empty. */
export type Open<T = TestContext> = (t: T) => Promise<ApiClient>;

/** All controllers, with an agent that makes bound Pods ready and ends deleted ones. */
export async function start<T extends { after(end: () => void): void }>(
  t: T,
  {
    open,
    nodeNames = ["n1", "n2"],
    nodeGraceMs = 40_000,
  }: { open: Open<T>; nodeNames?: string[]; nodeGraceMs?: number },
): Promise<Cluster> {
  const end = new AbortController();
  const client = await open(t);
  t.after(() => end.abort());
  const errors: string[] = [];
  const log = createLog((line) => errors.push(line), { level: "warn" });
  for (const name of nodeNames) await addNode(client, name);
  runAgent(client, end.signal);
  const config = { caPem: "PEM", apiServerAddress: { ip: "172.18.0.1", port: 6443 }, podQuarantineMs: 50, nodeGraceMs };
  await startControllers({ client, log, signal: end.signal, config }).ready;
  await until(() => client.get(resources.serviceAccounts, "default", "default"));
  await client.create(resources.namespaces, namespace("ns"));
  return { client, errors };
}

export async function addNode(client: ApiClient, name: string, labels: Record<string, string> = {}): Promise<void> {
  const wanted = node(name, { labels });
  await client.create(resources.nodes, wanted);
  const change = (present: Node) => ({ ...present, ...(wanted.status ? { status: wanted.status } : {}) });
  await retryOnConflict(client, resources.nodes, { name, subresource: "status", change });
}

let lastIp = 0;

function runAgent(client: ApiClient, signal: AbortSignal): void {
  const log = createLog(() => {});
  createInformer(client, resources.pods, { log, signal }).onChange(({ type, object }) => {
    if (type === "deleted" || !object.spec.nodeName) return;
    if (object.metadata.deletionTimestamp) void stop(client, object).catch(() => {});
    else if (!object.status?.podIP) void makeReady(client, object).catch(() => {});
  });
}

const stop = (client: ApiClient, { metadata }: Pod) =>
  client.delete(
    resources.pods,
    { name: metadata.name, namespace: metadata.namespace ?? "" },
    { gracePeriodSeconds: 0 },
  );

/** What becomes of a Pod that was started, by its image: "succeeds" and "fails" end at once. */
const ends: Readonly<Record<string, string>> = { succeeds: "Succeeded", fails: "Failed" };

function makeReady(client: ApiClient, { metadata, spec }: Pod) {
  const phase = ends[spec.containers[0]?.image ?? ""] ?? "Running";
  const ready = phase === "Running" ? "True" : "False";
  const conditions = [{ type: "Ready", status: ready, lastTransitionTime: timestamp(Date.now()) }];
  const ip = `10.244.0.${(++lastIp % 250) + 2}`;
  return retryOnConflict(client, resources.pods, {
    name: metadata.name,
    namespace: metadata.namespace ?? "",
    subresource: "status",
    change: (pod) => ({ ...pod, status: { ...pod.status, phase, podIP: ip, podIPs: [{ ip }], conditions } }),
  });
}

export const namespace = (name: string): Namespace => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name },
  spec: { finalizers: ["kubernetes"] },
});

export function deployment(image: string, spec: Partial<Deployment["spec"]> = {}): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "backend", namespace: "ns" },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: "backend" } },
      template: { metadata: { labels: { app: "backend" } }, spec: { containers: [{ name: "c", image }] } },
      ...spec,
    },
  };
}

/** The first result that is neither undefined, false nor an error. */
export async function until<T>(probe: () => Promise<T | undefined | false>): Promise<T> {
  let last: unknown;
  for (let i = 0; i < 600; i++) {
    try {
      const result = await probe();
      if (result) return result;
      last = result;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`It did not come to pass: ${last}`);
}

export const settled = (client: ApiClient) =>
  until(async () => {
    const { status, metadata, spec } = await client.get(resources.deployments, "backend", "ns");
    const { updatedReplicas, replicas, availableReplicas, observedGeneration } = status ?? {};
    const counts = [updatedReplicas, replicas, availableReplicas];
    return observedGeneration === metadata.generation && counts.every((count) => count === spec.replicas) && status;
  });

export const podsIn = async (client: ApiClient) => (await client.list(resources.pods, { namespace: "ns" })).items;
export const slicesOf = async (client: ApiClient, name: string) =>
  (
    await client.list(resources.endpointSlices, {
      namespace: "ns",
      labelSelector: `kubernetes.io/service-name=${name}`,
    })
  ).items;

export async function renew(client: ApiClient, name: string): Promise<void> {
  const renewTime = new Date().toISOString().replace("Z", "000Z");
  const lease: Lease = {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name, namespace: "kube-node-lease" },
    spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime },
  };
  const present = await client.get(resources.leases, name, "kube-node-lease").catch((error) => {
    if (!isNotFound(error)) throw error;
    return undefined;
  });
  if (!present) await client.create(resources.leases, lease);
  else await client.update(resources.leases, { ...lease, metadata: present.metadata });
}
