import assert from "node:assert/strict";
import { test } from "node:test";
import { openInMemory } from "../../store/open-store.ts";
import { startTestServer } from "../testing.ts";

const services = "/api/v1/namespaces/default/services";
const addresses = "/apis/networking.k8s.io/v1/ipaddresses";
const service = (name: string, clusterIP: string) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: { clusterIP, ports: [{ port: 80 }] },
});
const waitMs = 5000;

type Server = Awaited<ReturnType<typeof startTestServer>>;

async function until(server: Server, name: string, code: number): Promise<void> {
  const deadline = Date.now() + waitMs;
  while ((await server.ask("GET", `${addresses}/${name}`)).code !== code) {
    if (Date.now() > deadline) assert.fail(`${name} has not become ${code}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("cluster IPs have records that come and go with their Services; a start puts them right", async () => {
  const store = openInMemory();
  const first = await startTestServer({ store });
  const range = await first.ask("GET", "/apis/networking.k8s.io/v1/servicecidrs/kubernetes");
  assert.deepEqual(range.body.spec.cidrs, ["10.96.0.0/16"]);
  assert.deepEqual(
    range.body.status.conditions.map((one: { type: string; status: string }) => [one.type, one.status]),
    [["Ready", "True"]],
  );
  for (const name of ["a", "b"])
    await first.ask("POST", services, { body: service(name, `10.96.0.${name === "a" ? 20 : 21}`) });
  await until(first, "10.96.0.20", 200);
  const { body } = await first.ask("GET", `${addresses}/10.96.0.20`);
  assert.deepEqual(body.spec.parentRef, { group: "", resource: "services", namespace: "default", name: "a" });
  assert.equal(body.metadata.labels["ipaddress.kubernetes.io/managed-by"], "ipallocator.k8s.io");
  await until(first, "10.96.0.21", 200);
  await first.ask("DELETE", `${services}/b`);
  await until(first, "10.96.0.21", 404);
  await first.ask("DELETE", `${addresses}/10.96.0.20`);
  const stray = { ...body, metadata: { name: "10.96.0.99", labels: body.metadata.labels } };
  assert.equal((await first.ask("POST", addresses, { body: stray })).code, 201);
  await first.close();
  const second = await startTestServer({ store });
  assert.equal((await second.ask("GET", `${addresses}/10.96.0.20`)).code, 200);
  assert.equal((await second.ask("GET", `${addresses}/10.96.0.99`)).code, 404);
  await second.close();
});
