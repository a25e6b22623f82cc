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

interface Event {
  readonly reason: string;
  readonly involvedObject: { readonly name: string };
}

type Server = Awaited<ReturnType<typeof startTestServer>>;

async function until(server: Server, name: string, code: number): Promise<void> {
  const deadline = Date.now() + waitMs;
  while ((await server.ask("GET", `${addresses}/${name}`)).code !== code) {
    if (Date.now() > deadline) assert.fail(`${name} has not become ${code}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("S88 S89 cluster IPs have records that come and go with their Services; a start puts them right", async () => {
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
  // S88, S89: there when the Service is, and gone when it is gone.
  const { code, body } = await first.ask("GET", `${addresses}/10.96.0.20`);
  assert.equal(code, 200);
  assert.deepEqual(body.spec.parentRef, { resource: "services", namespace: "default", name: "a" });
  assert.deepEqual(body.metadata.labels, {
    "ipaddress.kubernetes.io/ip-family": "IPv4",
    "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
  });
  await first.ask("DELETE", `${services}/b`);
  assert.equal((await first.ask("GET", `${addresses}/10.96.0.21`)).code, 404);
  assert.equal((await first.ask("POST", services, { body: service("c", "10.96.0.21") })).code, 201);
  // S95: somebody's hand is put right while the server runs.
  await first.ask("DELETE", `${addresses}/10.96.0.20`);
  await until(first, "10.96.0.20", 200);
  const { body: events } = await first.ask("GET", "/api/v1/namespaces/default/events");
  assert.deepEqual(
    events.items.map((event: Event) => [event.involvedObject.name, event.reason]),
    [["a", "ClusterIPNotAllocated"]],
  );
  const stray = { ...body, metadata: { name: "10.96.0.99", labels: body.metadata.labels } };
  assert.equal((await first.ask("POST", addresses, { body: stray })).code, 201);
  const foreign = {
    ...body,
    metadata: { name: "10.96.0.98" },
    spec: { parentRef: { resource: "gateways", name: "g" } },
  };
  assert.equal((await first.ask("POST", addresses, { body: foreign })).code, 201);
  const taken = await first.ask("POST", services, { body: service("d", "10.96.0.98") });
  assert.equal(taken.code, 422);
  assert.match(taken.body.message, /failed to allocate IP 10\.96\.0\.98: provided IP is already allocated/);
  await first.close();
  const second = await startTestServer({ store });
  assert.equal((await second.ask("GET", `${addresses}/10.96.0.20`)).code, 200);
  assert.equal((await second.ask("GET", `${addresses}/10.96.0.98`)).code, 200);
  assert.equal((await second.ask("GET", `${addresses}/10.96.0.99`)).code, 404);
  await second.close();
});

test("S64: a write that fails leaves no address behind", async () => {
  const server = await startTestServer();
  const names = async (): Promise<string[]> =>
    (await server.ask("GET", addresses)).body.items.map(
      ({ metadata }: { metadata: { name: string } }) => metadata.name,
    );
  await server.ask("POST", services, { body: service("a", "10.96.0.20") });
  assert.equal((await server.ask("POST", services, { body: service("a", "10.96.0.30") })).code, 409);
  assert.equal((await server.ask("POST", `${services}?dryRun=All`, { body: service("b", "10.96.0.31") })).code, 201);
  const invalid = { ...service("b", "10.96.0.32"), spec: { clusterIP: "10.96.0.32", ports: [{ port: 0 }] } };
  assert.equal((await server.ask("POST", services, { body: invalid })).code, 422);
  assert.deepEqual(await names(), ["10.96.0.20"]);
  for (const ip of ["10.96.0.30", "10.96.0.31", "10.96.0.32"]) {
    assert.equal((await server.ask("POST", services, { body: service(`s${ip.slice(-2)}`, ip) })).code, 201);
  }
  // S78: also by taking its last finalizer away.
  const held = { ...service("f", "10.96.0.40"), metadata: { name: "f", finalizers: ["a.example/x"] } };
  await server.ask("POST", services, { body: held });
  await server.ask("DELETE", `${services}/f`);
  assert.equal((await server.ask("GET", `${addresses}/10.96.0.40`)).code, 200);
  const type = "application/merge-patch+json";
  const body = { metadata: { finalizers: null } };
  assert.equal((await server.ask("PATCH", `${services}/f/status`, { type, body })).code, 200);
  assert.equal((await server.ask("GET", `${services}/f`)).code, 404);
  assert.equal((await server.ask("GET", `${addresses}/10.96.0.40`)).code, 404);
  await server.close();
});

test("S78: the Endpoints of a Service go with it", async () => {
  const server = await startTestServer();
  const endpoints = "/api/v1/namespaces/default/endpoints";
  await server.ask("POST", services, { body: service("a", "10.96.0.20") });
  const body = { apiVersion: "v1", kind: "Endpoints", metadata: { name: "a" } };
  assert.equal((await server.ask("POST", endpoints, { body })).code, 201);
  await server.ask("DELETE", `${services}/a`);
  assert.equal((await server.ask("GET", `${endpoints}/a`)).code, 404);
  await server.close();
});

test("S98: the default range is made again, becomes dual-stack with the server, and is not overwritten", async () => {
  const store = openInMemory();
  const ranges = "/apis/networking.k8s.io/v1/servicecidrs";
  await (await startTestServer({ store })).close();
  const dual = { serviceCidr: "10.96.0.0/16,fd00:10:96::/112" };
  const second = await startTestServer({ store, config: dual });
  assert.deepEqual((await second.ask("GET", `${ranges}/kubernetes`)).body.spec.cidrs, dual.serviceCidr.split(","));
  const both = { ...service("two", ""), spec: { ipFamilyPolicy: "RequireDualStack", ports: [{ port: 80 }] } };
  assert.equal((await second.ask("POST", services, { body: both })).body.spec.clusterIPs.length, 2);
  await second.close();
  const third = await startTestServer({ store, config: { serviceCidr: "10.97.0.0/16" } });
  assert.deepEqual((await third.ask("GET", `${ranges}/kubernetes`)).body.spec.cidrs, dual.serviceCidr.split(","));
  const events = await third.ask("GET", "/api/v1/namespaces/default/events");
  const reasons = events.body.items.map(({ reason }: Event) => reason);
  assert.ok(reasons.includes("KubernetesDefaultServiceCIDRInconsistent"), reasons.join());
  await third.close();
});
