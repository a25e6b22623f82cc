import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { pods } from "../api/resource.ts";
import { createLog } from "../lib/log.ts";
import { ApiError, isConflict, isNotFound } from "./client.ts";
import { createClient } from "./rest.ts";

interface Seen {
  method: string | undefined;
  url: string | undefined;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** A real HTTP server that answers with what `answer` gives and keeps what it saw. */
async function serve(t: { after(fn: () => void): void }, answer: (seen: Seen, response: http.ServerResponse) => void) {
  const seen: Seen[] = [];
  const server = http.createServer(async (request, response) => {
    const body = Buffer.concat(await Array.fromAsync(request)).toString();
    const one = { method: request.method, url: request.url, headers: request.headers, body };
    seen.push(one);
    answer(one, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const log = createLog(() => {}, {});
  const client = createClient(
    { server: url, token: "secret", namespace: "default" },
    { userAgent: "test", log, timeoutMs: 300 },
  );
  return { seen, client, server };
}

const json = (response: http.ServerResponse, code: number, value: unknown, headers = {}) =>
  response.writeHead(code, { "content-type": "application/json", ...headers }).end(JSON.stringify(value));

test("requests carry method, path, type and token", async (t) => {
  const { seen, client } = await serve(t, (_, response) =>
    json(response, 200, { items: [{ metadata: { name: "a" } }] }),
  );
  await client.get(pods, "a", "ns");
  await client.patch(
    pods,
    { name: "a", namespace: "ns" },
    { spec: {} },
    { type: "apply", fieldManager: "me", force: true },
  );
  await client.delete(pods, { name: "a", namespace: "ns" }, { gracePeriodSeconds: 0 });
  const list = await client.list(pods, { labelSelector: "a=b,c" });
  assert.deepEqual(
    seen.map(({ method, url }) => `${method} ${url}`),
    [
      "GET /api/v1/namespaces/ns/pods/a",
      "PATCH /api/v1/namespaces/ns/pods/a?fieldManager=me&force=true",
      "DELETE /api/v1/namespaces/ns/pods/a",
      "GET /api/v1/pods?labelSelector=a%3Db%2Cc",
    ],
  );
  assert.equal(seen[0]?.headers.authorization, "Bearer secret");
  assert.equal(seen[1]?.headers["content-type"], "application/apply-patch+yaml");
  assert.equal(JSON.parse(seen[2]?.body ?? "").gracePeriodSeconds, 0);
  assert.equal(list.items[0]?.kind, "Pod");
  assert.equal(list.items[0]?.apiVersion, "v1");
});

test("answers that are no success become ApiError", async (t) => {
  const { client } = await serve(t, ({ url }, response) => {
    if (url?.endsWith("missing"))
      return json(response, 404, { kind: "Status", status: "Failure", reason: "NotFound", code: 404 });
    if (url?.endsWith("old"))
      return json(response, 409, { kind: "Status", status: "Failure", reason: "Conflict", code: 409 });
    return response.writeHead(502).end("bad gateway");
  });
  await assert.rejects(client.get(pods, "missing", "ns"), isNotFound);
  await assert.rejects(client.get(pods, "old", "ns"), isConflict);
  await assert.rejects(
    client.get(pods, "x", "ns"),
    (error) => error instanceof ApiError && /502: bad gateway/.test(error.message),
  );
});

test("429 is tried again after Retry-After, also for a write", async (t) => {
  let count = 0;
  const { client, seen } = await serve(t, (_, response) =>
    ++count < 3 ? json(response, 429, {}, { "retry-after": "0" }) : json(response, 201, { metadata: { name: "a" } }),
  );
  await client.create(pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "a", namespace: "ns" },
    spec: { containers: [] },
  });
  assert.equal(seen.length, 3);
});

test("a write whose connection broke is not sent twice, a read is", async (t) => {
  const { client, seen } = await serve(t, (_, response) => response.socket?.resetAndDestroy());
  await assert.rejects(
    client.create(pods, { apiVersion: "v1", kind: "Pod", metadata: { name: "a" }, spec: { containers: [] } }),
  );
  assert.equal(seen.length, 1);
  await assert.rejects(client.get(pods, "a", "ns"));
  assert.ok(seen.length > 2);
});

test("a refused connection is tried again, whatever the method", async (t) => {
  const { client, server, seen } = await serve(t, (_, response) => json(response, 201, { metadata: { name: "a" } }));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  setTimeout(() => server.listen(port, "127.0.0.1"), 80);
  await client.create(pods, { apiVersion: "v1", kind: "Pod", metadata: { name: "a" }, spec: { containers: [] } });
  assert.equal(seen.length, 1);
});

test("a request that is not answered ends with one sentence", async (t) => {
  const { client } = await serve(t, () => {});
  await assert.rejects(client.get(pods, "a", "ns"), /Cannot GET http:.*\/pods\/a: no answer in 0.3 s/);
});

test("a watch yields events, across chunks, and ends with the stream or the signal", async (t) => {
  const line = (type: string, name: string) => `${JSON.stringify({ type, object: { metadata: { name } } })}\n`;
  const text = line("ADDED", "ä") + line("MODIFIED", "b") + line("DELETED", "c");
  const bytes = Buffer.from(text);
  const { client } = await serve(t, async ({ url }, response) => {
    response.writeHead(200);
    for (let at = 0; at < bytes.length; at += 7) {
      response.write(bytes.subarray(at, at + 7));
      await new Promise(setImmediate);
    }
    if (!url?.includes("hold")) response.end();
  });
  const names = [];
  for await (const events of client.watch(pods, { signal: new AbortController().signal })) {
    for (const event of events) if (event.type !== "BOOKMARK") names.push(event.object.metadata.name);
  }
  assert.deepEqual(names, ["ä", "b", "c"]);
  const controller = new AbortController();
  let count = 0;
  for await (const _ of client.watch(pods, { labelSelector: "hold", signal: controller.signal })) {
    if (++count === 3) setTimeout(() => controller.abort(), 10);
  }
  assert.equal(count, 3);
});

const badLines: { name: string; line: string; error: RegExp }[] = [
  { name: "half an event", line: '{"type":"ADDED","obj', error: /no JSON/ },
  { name: "an unknown type", line: '{"type":"WHAT","object":{}}', error: /its type is "WHAT"/ },
  { name: "no object", line: '{"type":"ADDED"}', error: /no object/ },
  { name: "ERROR", line: '{"type":"ERROR","object":{"code":410,"message":"too old"}}', error: /too old/ },
];
for (const { name, line, error } of badLines) {
  test(`a watch ends with an error on ${name}`, async (t) => {
    const { client } = await serve(t, (_, response) => response.writeHead(200).end(`${line}\n`));
    await assert.rejects(Array.fromAsync(client.watch(pods, { signal: new AbortController().signal })), error);
  });
}
