/** The API server goes away under the controllers, and comes back with its history gone. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { kinds } from "../../src/api/kinds/mod.ts";
import type { ReplicaSet } from "../../src/api/object.ts";
import { configMaps, pods, replicaSets, serviceAccounts } from "../../src/api/resource.ts";
import { ensurePki } from "../../src/apiserver/pki.ts";
import { type ApiServer, createApiServer } from "../../src/apiserver/server.ts";
import { createClient } from "../../src/client/rest.ts";
import { startControllers } from "../../src/controllers/mod.ts";
import { createLog } from "../../src/lib/log.ts";
import { openInMemory } from "../../src/store/open-store.ts";

const quiet = createLog(() => {});

async function until(probe: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if (await probe().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail("It did not come to pass");
}

const replicaSet: ReplicaSet = {
  apiVersion: "apps/v1",
  kind: "ReplicaSet",
  metadata: { name: "r", namespace: "default" },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: "r" } },
    template: { metadata: { labels: { app: "r" } }, spec: { containers: [{ name: "c", image: "i" }] } },
  },
};

test("controllers go on after a restart, with what happened meanwhile and without history", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "fairlead-restart-"));
  const pki = await ensurePki(dir, { hosts: ["127.0.0.1"], nodes: [] });
  await rm(dir, { recursive: true });
  const store = openInMemory();
  const config = { serviceCidr: "10.96.0.0/16", nodePortRange: { from: 30000, to: 32767 } };
  const serve = async (port: number): Promise<{ server: ApiServer; port: number }> => {
    const server = await createApiServer({ store, kinds, pki, config, log: quiet });
    return { server, port: (await server.listen({ host: "127.0.0.1", port })).port };
  };
  const { certificate: cert, key } = pki.client("control-plane");
  const clientOf = (port: number) =>
    createClient(
      { server: `https://127.0.0.1:${port}`, ca: pki.ca, cert, key, namespace: "default" },
      { userAgent: "t", log: quiet },
    );

  const first = await serve(0);
  const end = new AbortController();
  const client = clientOf(first.port);
  const apiServerAddress = { ip: "172.18.0.1", port: 6443 };
  await startControllers({ client, log: quiet, signal: end.signal, config: { caPem: "x", apiServerAddress } }).ready;
  await until(async () => (await client.get(serviceAccounts, "default", "default")) !== undefined);
  await client.create(replicaSets, replicaSet);
  const names = async (port: number) =>
    (await clientOf(port).list(pods, { namespace: "default" })).items.map(({ metadata }) => metadata.name);
  await until(async () => (await names(first.port)).length === 3);
  await first.server.close();

  const other = await serve(0);
  const [gone = ""] = await names(other.port);
  await clientOf(other.port).delete(pods, { name: gone, namespace: "default" });
  await clientOf(other.port).delete(configMaps, { name: "kube-root-ca.crt", namespace: "default" });
  await store.compact(store.revision);
  const second = await serve(first.port);
  t.after(async () => {
    end.abort();
    await Promise.all([second.server.close(), other.server.close()]);
    await store.close();
  });
  await until(async () => (await names(other.port)).length === 3);
  assert.ok(!(await names(other.port)).includes(gone));
  await until(async () => (await client.get(configMaps, "kube-root-ca.crt", "default")) !== undefined);
  await client.patch(replicaSets, { name: "r", namespace: "default" }, { spec: { replicas: 5 } }, { type: "merge" });
  await until(async () => (await names(other.port)).length === 5);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await names(other.port)).length, 5, "no Pod is made twice");
});
