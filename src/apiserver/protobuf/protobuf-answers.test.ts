import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request } from "node:https";
import { after, test } from "node:test";
import { startTestServer } from "../testing.ts";
import { decodeProtobuf } from "./decode.ts";

const server = await startTestServer();
after(() => server.close());
const { ask } = server;
const accept = "application/vnd.kubernetes.protobuf,application/json";
const only = "application/vnd.kubernetes.protobuf";
const services = "/api/v1/namespaces/default/services";
const service = { apiVersion: "v1", kind: "Service", metadata: { name: "web" }, spec: { ports: [{ port: 80 }] } };

const created = await ask("POST", services, { body: service, accept });

test("objects come as protobuf, with all that JSON has", async () => {
  assert.deepEqual([created.code, created.headers["content-type"]], [201, only]);
  const read = await ask("GET", `${services}/web`, { accept });
  assert.deepEqual(decodeProtobuf(read.raw), (await ask("GET", `${services}/web`)).body);
});

test("lists have one envelope, metadata and items", async () => {
  const { raw, headers } = await ask("GET", services, { accept });
  assert.equal(headers["content-type"], only);
  assert.ok(raw.subarray(0, 4).equals(Buffer.from("k8s\0")));
  assert.ok(raw.includes("ServiceList"));
  const json = (await ask("GET", services)).body;
  assert.ok(raw.includes(json.items[0].metadata.uid) && raw.includes(json.items[0].spec.clusterIP));
});

test("partial metadata comes as protobuf, for custom kinds too; failures are Statuses", async () => {
  const { raw, headers } = await ask("GET", services, {
    accept: `${only};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1`,
  });
  assert.equal(headers["content-type"], only);
  assert.ok(raw.includes("PartialObjectMetadataList") && raw.includes("web") && !raw.includes("ClusterIP"));
  const missing = await ask("GET", `${services}/none`, { accept });
  const status = decodeProtobuf(missing.raw) as { reason: string; code: number };
  assert.deepEqual([missing.code, status.reason, status.code], [404, "NotFound", 404]);
});

test("subresources answer in protobuf too: clients may take nothing else", async () => {
  const accounts = "/api/v1/namespaces/default/serviceaccounts";
  await ask("POST", accounts, { body: { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "a" } } });
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { audiences: ["x"] } };
  const { code, headers, raw } = await ask("POST", `${accounts}/a/token`, { body, accept: only });
  assert.deepEqual([code, headers["content-type"]], [201, only]);
  assert.match((decodeProtobuf(raw) as { status: { token: string } }).status.token, /^ey/);
});

/** The events of a watch: length, WatchEvent { 1: type, 2: { 1: object } }. */
function* framesOf(bytes: Buffer): Generator<{ type: string; object: unknown }> {
  let at = 0;
  while (at + 4 <= bytes.length) {
    const size = bytes.readUInt32BE(at);
    const event = bytes.subarray(at + 4, at + 4 + size);
    const length = event.readUInt8(1);
    yield {
      type: event.subarray(2, 2 + length).toString(),
      object: decodeProtobuf(event.subarray(event.indexOf("k8s\0"))),
    };
    at += 4 + size;
  }
}

test("watches come in frames with their length", async () => {
  const { certificate: cert, key } = server.pki.client("admin");
  const agent = new Agent({ ca: server.pki.ca, cert, key });
  const path = `${services}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`;
  const asked = request({ host: "127.0.0.1", port: server.port, path, agent, headers: { accept } }).end();
  const [answer] = await once(asked, "response", { signal: AbortSignal.timeout(5000) });
  assert.equal(answer.headers["content-type"], `${only};stream=watch`);
  await ask("DELETE", `${services}/web`);
  let bytes = Buffer.alloc(0);
  for await (const chunk of answer) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.includes("DELETED")) break;
  }
  agent.destroy();
  const events = [...framesOf(bytes)];
  assert.deepEqual(
    events.map(({ type }) => type),
    ["ADDED", "BOOKMARK", "DELETED"],
  );
  const [added, bookmark] = events as { object: { metadata: { name?: string; annotations?: object } } }[];
  assert.equal(added?.object.metadata.name, "web");
  assert.deepEqual(bookmark?.object.metadata.annotations, { "k8s.io/initial-events-end": "true" });
});
