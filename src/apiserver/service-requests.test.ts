/** What clients are told about Services and their endpoints: requests against a real server. Named by the statements of the Service API. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type AskOptions, startTestServer } from "./testing.ts";

const server = await startTestServer();
after(() => server.close());
const { ask } = server;

const base = "/api/v1/namespaces/default";
const services = `${base}/services`;
const slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
const types = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
} as const;
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape
type Json = any;

const service = (name: string, spec: object, metadata: object = {}) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, ...metadata },
  spec,
});
const ports = [{ port: 80 }];
const send = async (method: string, path: string, options?: AskOptions): Promise<Json> => {
  const { code, body } = await ask(method, path, options);
  assert.ok(code < 300, `${method} ${path}: ${JSON.stringify(body)}`);
  return body;
};
const create = (name: string, spec: object): Promise<Json> => send("POST", services, { body: service(name, spec) });
const patch = (name: string, body: unknown, type: keyof typeof types = "merge") =>
  ask("PATCH", `${services}/${name}${type === "apply" ? "?fieldManager=one" : ""}`, { body, type: types[type] });

test("S1 S50 a PUT makes a missing Service, needs no revision, and refuses an old one, another name or uid", async () => {
  const put = (body: object) => ask("PUT", `${services}/put`, { body });
  assert.equal((await put(service("put", { ports }))).code, 201);
  assert.equal((await put(service("put", { ports: [{ port: 81 }] }))).code, 200);
  assert.equal((await put(service("put", { ports }, { resourceVersion: "1" }))).code, 409);
  assert.equal((await put(service("put", { ports }, { uid: "other" }))).code, 409);
  assert.equal((await put(service("other", { ports }))).code, 400);
  const missing = (metadata: object) => ask("PUT", `${services}/gone`, { body: service("gone", { ports }, metadata) });
  assert.equal((await missing({ uid: "other" })).code, 409);
  assert.equal((await missing({ resourceVersion: "1" })).code, 201);
});

test("S2 fields that are selected by", async () => {
  const codes = ["spec.type=ClusterIP", "spec.clusterIP!=None", "metadata.name=put", "spec.ports=80", "status.x=1"].map(
    async (selector) => (await ask("GET", `${services}?fieldSelector=${encodeURIComponent(selector)}`)).code,
  );
  assert.deepEqual(await Promise.all(codes), [200, 200, 200, 400, 400]);
});

test("S3 a write of one half leaves the other as it is; both may change the metadata", async () => {
  await create("halves", { type: "LoadBalancer", ports });
  const ingress = [{ ip: "192.0.2.1", ipMode: "VIP" }];
  const status = {
    metadata: { labels: { a: "b" } },
    spec: { type: "NodePort" },
    status: { loadBalancer: { ingress } },
  };
  await send("PATCH", `${services}/halves/status`, { body: status, type: types.merge });
  const written = (await patch("halves", { spec: { sessionAffinity: "ClientIP" }, status: { loadBalancer: null } }))
    .body;
  assert.deepEqual([written.spec.type, written.metadata.labels], ["LoadBalancer", { a: "b" }]);
  assert.deepEqual(written.status, { loadBalancer: { ingress } });
});

test("S6 an applied status conflicts with nobody about the spec", async () => {
  const applied = { ...service("ssa", { type: "LoadBalancer", ports }) };
  assert.equal((await patch("ssa", applied, "apply")).code, 201);
  const ingress = [{ ip: "192.0.2.1", ipMode: "VIP" }];
  const body = { ...service("ssa", { type: "NodePort" }), status: { loadBalancer: { ingress } } };
  const { spec, status } = await send("PATCH", `${services}/ssa/status?fieldManager=two`, { body, type: types.apply });
  assert.deepEqual([spec.type, status.loadBalancer.ingress], ["LoadBalancer", ingress]);
});

const external = { type: "ExternalName", externalName: "example.com" };
const nodePort = (port: number) => ({ type: "NodePort", ports: [{ port: 80, nodePort: port }] });
const balancer = (port: number) => ({ ...nodePort(port), type: "LoadBalancer" });

/** What the fields of the type are afterwards; "…" stands for an address that was allocated. */
const transitions: readonly [name: string, from: object, change: object, left: Record<string, unknown>][] = [
  ["S76 ClusterIP → ExternalName", { ports }, external, { externalName: "example.com" }],
  [
    "S76 ExternalName → ClusterIP, with the name left behind (S30)",
    { ...external, ports },
    { type: "ClusterIP" },
    { clusterIP: "…", externalName: "example.com", internalTrafficPolicy: "Cluster" },
  ],
  [
    "S107 ClusterIP → NodePort",
    { ports },
    nodePort(30101),
    { clusterIP: "…", nodePort: 30101, externalTrafficPolicy: "Cluster", internalTrafficPolicy: "Cluster" },
  ],
  [
    "S107 NodePort → LoadBalancer",
    nodePort(30102),
    { type: "LoadBalancer" },
    {
      clusterIP: "…",
      nodePort: 30102,
      externalTrafficPolicy: "Cluster",
      internalTrafficPolicy: "Cluster",
      allocateLoadBalancerNodePorts: true,
    },
  ],
  [
    "S101 S103 S104 LoadBalancer → ClusterIP",
    balancer(30103),
    { type: "ClusterIP" },
    { clusterIP: "…", internalTrafficPolicy: "Cluster" },
  ],
  [
    "S102 LoadBalancer with local traffic → ClusterIP",
    { ...balancer(30104), externalTrafficPolicy: "Local", healthCheckNodePort: 30105 },
    { type: "ClusterIP" },
    { clusterIP: "…", internalTrafficPolicy: "Cluster" },
  ],
  [
    "S101 S105 NodePort → ExternalName with its clusterIP sent as empty",
    nodePort(30106),
    { ...external, clusterIP: "" },
    { externalName: "example.com" },
  ],
  [
    "S76 headless → ExternalName",
    { clusterIP: "None", selector: { a: "b" } },
    external,
    { externalName: "example.com" },
  ],
  [
    "S76 ExternalName → headless",
    external,
    { type: "ClusterIP", clusterIP: "None", externalName: null },
    { clusterIP: "None", internalTrafficPolicy: "Cluster" },
  ],
  [
    "S83 node ports are wanted no more",
    balancer(30107),
    { allocateLoadBalancerNodePorts: false },
    {
      clusterIP: "…",
      nodePort: 30107,
      externalTrafficPolicy: "Cluster",
      internalTrafficPolicy: "Cluster",
      allocateLoadBalancerNodePorts: false,
    },
  ],
];

const ofType = [
  "clusterIP",
  "externalName",
  "healthCheckNodePort",
  "externalTrafficPolicy",
  "internalTrafficPolicy",
  "allocateLoadBalancerNodePorts",
];

for (const [name, from, change, left] of transitions) {
  test(name, async () => {
    await create("moving", from);
    const { code, body } = await patch("moving", { spec: change });
    assert.equal(code, 200, JSON.stringify(body));
    const found: Record<string, unknown> = {};
    for (const field of ofType) if (field in body.spec) found[field] = body.spec[field];
    if (String(found.clusterIP).startsWith("10.96.")) found.clusterIP = "…";
    const number = body.spec.ports?.[0]?.nodePort;
    if (number !== undefined) found.nodePort = number;
    assert.deepEqual(found, left);
    assert.deepEqual(body.status, { loadBalancer: {} });
    await send("DELETE", `${services}/moving`);
  });
}

const refused: readonly [name: string, from: object, change: object, message: RegExp][] = [
  [
    "S51 S52 ClusterIP → headless",
    { ports },
    { clusterIP: "None" },
    /clusterIPs\[0\]: Invalid value: \["None"\]: may not change/,
  ],
  [
    "S103 ranges stay",
    { ...balancer(30108), loadBalancerSourceRanges: ["192.0.2.0/24"] },
    { type: "ClusterIP" },
    /spec.LoadBalancerSourceRanges: Forbidden/,
  ],
  [
    "S106 a type with a new node port",
    nodePort(30109),
    { type: "ClusterIP", ports: [{ port: 80, nodePort: 30110 }] },
    /nodePort: Forbidden/,
  ],
  ["S27 no such type", { ports }, { type: "Other" }, /is invalid: spec.type: Unsupported value: "Other"/],
];

for (const [name, from, change, message] of refused) {
  test(`${name} is refused`, async () => {
    const before = await create("staying", from);
    const { code, body } = await patch("staying", { spec: change });
    assert.deepEqual([code, body.reason], [422, "Invalid"]);
    assert.match(body.message, message);
    assert.equal((await send("GET", `${services}/staying`)).metadata.resourceVersion, before.metadata.resourceVersion);
    await send("DELETE", `${services}/staying`);
  });
}

const dns = {
  ports: [
    { name: "t", port: 53 },
    { name: "u", port: 53, protocol: "UDP" },
  ],
  externalIPs: ["192.0.2.1"],
};
const shown = (list: Json[] = []) => list.map(({ name, port, protocol }) => `${name} ${port}/${protocol}`).join();
const patches: readonly [name: string, type: keyof typeof types, body: unknown, ports: string, code?: number][] = [
  [
    "S109 changes the first port of the number alone",
    "strategic",
    { spec: { ports: [{ port: 53, name: "x" }] } },
    "x 53/TCP,u 53/UDP",
  ],
  [
    "S109 puts a new port first",
    "strategic",
    { spec: { ports: [{ port: 80, name: "x" }] } },
    "x 80/TCP,t 53/TCP,u 53/UDP",
  ],
  [
    "S109 deletes both ports of the number",
    "strategic",
    { spec: { ports: [{ port: 53, $patch: "delete" }] } },
    "",
    422,
  ],
  ["S111 replaces the list", "merge", { spec: { ports: [{ port: 1, name: "x" }] } }, "x 1/TCP"],
  [
    "S111 changes an item by its place",
    "json",
    [{ op: "replace", path: "/spec/ports/1/port", value: 54 }],
    "t 53/TCP,u 54/UDP",
  ],
  [
    "S110 tells ports apart by protocol, TCP if none is said",
    "apply",
    service("patched", {
      ports: [
        { port: 53, protocol: "UDP", name: "u" },
        { port: 54, name: "x" },
      ],
    }),
    "t 53/TCP,u 53/UDP,x 54/TCP",
  ],
];

for (const [name, type, body, want, code = 200] of patches) {
  test(`${name} (${type})`, async () => {
    await create("patched", dns);
    const answer = await patch("patched", body, type);
    assert.equal(answer.code, code, answer.text);
    if (code === 200) assert.equal(shown(answer.body.spec.ports), want);
    await send("DELETE", `${services}/patched`);
  });
}

test("S109 lists of addresses are replaced by a strategic patch too", async () => {
  await create("atomic", dns);
  const { body } = await patch("atomic", { spec: { externalIPs: ["192.0.2.2"] } }, "strategic");
  assert.deepEqual(body.spec.externalIPs, ["192.0.2.2"]);
});

test("S112 endpoints and ports of a slice, and subsets of Endpoints, are replaced as a whole", async () => {
  const endpoint = (address: string) => [{ addresses: [address] }];
  const slice = { addressType: "IPv4", endpoints: endpoint("192.0.2.1"), ports: [{ name: "a", port: 1 }] };
  await send("POST", slices, { body: { metadata: { name: "whole" }, ...slice } });
  const change = { endpoints: endpoint("192.0.2.2"), ports: [{ name: "b", port: 2 }] };
  const patched = await send("PATCH", `${slices}/whole`, { body: change, type: types.strategic });
  assert.deepEqual(patched.endpoints, [{ addresses: ["192.0.2.2"], conditions: {} }]);
  assert.equal(shown(patched.ports), "b 2/TCP");
  const subsets = (ip: string) => [{ addresses: [{ ip }] }];
  await send("POST", `${base}/endpoints`, { body: { metadata: { name: "whole" }, subsets: subsets("192.0.2.1") } });
  const body = { subsets: subsets("192.0.2.2") };
  const after = await send("PATCH", `${base}/endpoints/whole`, { body, type: types.strategic });
  assert.deepEqual(after.subsets, subsets("192.0.2.2"));
});

test("S1 the items of a list leave their type to the list, in whatever order it was sent", async () => {
  const { namespace, ...typed } = { namespace: "default", ...service("listed", { ports }) };
  const { kind, apiVersion, metadata, spec } = typed;
  await send("POST", services, { body: { spec, metadata: { ...metadata, namespace }, kind, apiVersion } });
  await send("PATCH", `${services}/listed`, {
    body: [{ op: "add", path: "/metadata/labels", value: {} }],
    type: types.json,
  });
  const list = await send("GET", services);
  assert.deepEqual([list.kind, list.apiVersion], ["ServiceList", "v1"]);
  assert.ok(list.items.length > 0);
  for (const item of list.items) assert.deepEqual(Object.keys(item).sort(), ["metadata", "spec", "status"]);
});

test("E1 Endpoints are replaced without a revision, and made by a PUT", async () => {
  const put = (ip: string) =>
    ask("PUT", `${base}/endpoints/free`, { body: { metadata: { name: "free" }, subsets: [{ addresses: [{ ip }] }] } });
  assert.deepEqual([(await put("192.0.2.1")).code, (await put("192.0.2.2")).code], [201, 200]);
});

test("E19 an empty selector and empty lists are read back as none", async () => {
  const { spec } = await create("empty", { ...external, selector: {}, ports: [], externalIPs: [], loadBalancerIP: "" });
  assert.deepEqual(Object.keys(spec).sort(), ["externalName", "sessionAffinity", "type"]);
});

test("S117 warnings come with refusals too, those of unknown fields among them", async () => {
  const body = { ...service("warned", { ports: [{ port: 0, foo: 1 }] }) };
  const { code, headers } = await ask("POST", `${services}?fieldValidation=Warn`, { body });
  assert.deepEqual([code, headers.warning], [422, '299 - "unknown field \\"spec.ports[0].foo\\""']);
  const missing = await ask("GET", `${base}/endpoints/none`);
  const deprecation = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";
  assert.deepEqual([missing.code, missing.headers.warning], [404, `299 - "${deprecation}"`]);
});

test("S94 a dry run takes no address and no node port", async () => {
  const body = service("dry", { ...nodePort(30111), clusterIP: "10.96.44.44" });
  for (let time = 0; time < 2; time++) await send("POST", `${services}?dryRun=All`, { body });
  assert.equal((await ask("GET", "/apis/networking.k8s.io/v1/ipaddresses/10.96.44.44")).code, 404);
  await send("POST", services, { body });
});

test("S49 a name that was stored under another rule stays legal", async () => {
  const name = "1.old_name";
  assert.equal((await ask("POST", services, { body: service(name, { ports }) })).code, 422);
  const spec = { ...(await create("model", { ...external, externalName: "old.example.com" })).spec };
  const stored = { ...service(name, spec), metadata: { name, namespace: "default", uid: "1" } };
  await server.store.create(`/registry/core/services/default/${name}`, (revision) =>
    Buffer.from(JSON.stringify({ ...stored, metadata: { ...stored.metadata, resourceVersion: String(revision) } })),
  );
  const { code, body } = await patch(name, { metadata: { labels: { a: "b" } } });
  assert.deepEqual([code, body.metadata.labels], [200, { a: "b" }]);
});
