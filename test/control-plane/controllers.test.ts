/** The controllers over the real API server, its store in memory, on a loopback port. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { kinds } from "../../src/api/kinds/mod.ts";
import type { KubeObject, Pod, PodDisruptionBudget } from "../../src/api/object.ts";
import { deployments, nodes, podDisruptionBudgets, pods, type Resource } from "../../src/api/resource.ts";
import { ensurePki } from "../../src/apiserver/pki.ts";
import { createApiServer } from "../../src/apiserver/server.ts";
import type { ApiClient, ApiError } from "../../src/client/client.ts";
import { createClient } from "../../src/client/rest.ts";
import { deployment, type Open, podsIn, settled, start, until } from "../../src/controllers/testing/cluster.ts";
import { testControllers } from "../../src/controllers/testing/scenarios.ts";
import { testWorkloads } from "../../src/controllers/testing/workload-scenarios.ts";
import { createLog } from "../../src/lib/log.ts";
import { openInMemory } from "../../src/store/open-store.ts";

const dir = await mkdtemp(join(tmpdir(), "fairlead-controllers-"));
const pki = await ensurePki(dir, { hosts: ["127.0.0.1"], nodes: [] });
await rm(dir, { recursive: true });

const open: Open = async (t) => {
  const log = createLog((line) => process.stderr.write(`${line}\n`), { level: "warn" });
  const store = openInMemory();
  const config = { serviceCidr: "10.96.0.0/16", nodePortRange: { from: 30000, to: 32767 } };
  const server = await createApiServer({ store, kinds, pki, config, log });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  t.after(async () => {
    await server.close();
    await store.close();
  });
  const { certificate: cert, key } = pki.client("control-plane");
  const quiet = createLog(() => {});
  return createClient(
    { server: `https://127.0.0.1:${port}`, ca: pki.ca, cert, key, namespace: "default" },
    { userAgent: "test", log: quiet },
  );
};

testControllers("real API server", open);
testWorkloads("real API server", open);

test("an eviction obeys the disruption budget", async (t) => {
  const { client } = await start(t, { open });
  await client.create(pods, pod("lone", { app: "lone" }));
  await client.create(deployments, deployment("v1", { replicas: 2 }));
  await settled(client);
  const budget: PodDisruptionBudget = {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: "keep-one", namespace: "ns" },
    spec: { maxUnavailable: 1, selector: { matchLabels: { app: "backend" } } },
  };
  await client.create(podDisruptionBudgets, budget);
  const status = async () => (await client.get(podDisruptionBudgets, "keep-one", "ns")).status;
  await until(async () => (await status())?.disruptionsAllowed === 1);
  const [first, second] = (await podsIn(client)).filter(({ metadata }) => metadata.labels?.app === "backend");
  for (const name of ["n1", "n2"]) {
    await client.patch(nodes, { name }, { spec: { unschedulable: true } }, { type: "merge" });
  }
  await evict(client, "lone");
  await evict(client, first?.metadata.name ?? "");
  await assert.rejects(evict(client, second?.metadata.name ?? ""), (error) => {
    const { code, message, details } = (error as ApiError).status;
    assert.equal(code, 429);
    assert.equal(message, "Cannot evict pod as it would violate the pod's disruption budget.");
    assert.match(
      details?.causes?.[0]?.message ?? "",
      /^The disruption budget keep-one needs 1 healthy pods and has [12] currently$/,
    );
    return true;
  });
  await until(async () => (await status())?.currentHealthy === 1);
  assert.equal((await status())?.disruptionsAllowed, 0);
  for (const name of ["n1", "n2"]) {
    await client.patch(nodes, { name }, { spec: { unschedulable: false } }, { type: "merge" });
  }
  await until(async () => (await status())?.disruptionsAllowed === 1);
  await evict(client, second?.metadata.name ?? "");
});

const pod = (name: string, labels: Record<string, string>): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "ns", labels },
  spec: { containers: [{ name: "c", image: "v1" }] },
});

type Eviction = KubeObject & { kind: "Eviction" };
const evictions: Resource<Eviction> = { group: "", version: "v1", kind: "Eviction", plural: "pods", namespaced: true };

function evict(client: ApiClient, name: string) {
  const eviction: Eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace: "ns" } };
  return client.create(evictions, eviction, { name, subresource: "eviction" });
}
