import assert from "node:assert/strict";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { startTestServer, type TestServer } from "../testing.ts";

const server = await startTestServer({ config: { bookmarkIntervalMs: 50 } });
after(() => server.close());
const { ask, watch } = server;
const base = "/api/v1/namespaces/default/configmaps";

interface Item {
  metadata: { name: string; resourceVersion: string };
}
const names = (items: Item[]): string[] => items.map(({ metadata }) => metadata.name);

async function make(name: string, labels: object = {}, to: TestServer = server): Promise<Item> {
  const { body } = await to.ask("POST", base, {
    body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name, labels } },
  });
  return body;
}
const label = (name: string, labels: object) =>
  ask("PATCH", `${base}/${name}`, { type: "application/merge-patch+json", body: { metadata: { labels } } });

for (const name of ["a", "b", "c", "d", "e"]) await make(name, { even: String("bd".includes(name)) });

test("list joins all; selectors choose; limit cuts at one revision", async () => {
  const all = await ask("GET", base);
  assert.deepEqual([all.body.kind, names(all.body.items)], ["ConfigMapList", ["a", "b", "c", "d", "e"]]);
  const even = await ask("GET", `${base}?labelSelector=even%3Dtrue`);
  assert.deepEqual(names(even.body.items), ["b", "d"]);
  const one = await ask("GET", `${base}?fieldSelector=metadata.name%3Dc`);
  assert.deepEqual(names(one.body.items), ["c"]);
  const first = await ask("GET", `${base}?limit=2`);
  assert.deepEqual([names(first.body.items), first.body.metadata.remainingItemCount], [["a", "b"], 3]);
  await make("bb");
  const second = await ask("GET", `${base}?limit=2&continue=${first.body.metadata.continue}`);
  assert.deepEqual(names(second.body.items), ["c", "d"]);
  assert.equal(second.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
  const last = await ask("GET", `${base}?limit=2&continue=${second.body.metadata.continue}`);
  assert.deepEqual([names(last.body.items), last.body.metadata.continue], [["e"], undefined]);
  const chosen = await ask("GET", `${base}?limit=1&labelSelector=even%3Dtrue`);
  assert.deepEqual([names(chosen.body.items), chosen.body.metadata.remainingItemCount], [["b"], undefined]);
});

test("list at a revision, and the words for those that are gone or yet to come", async () => {
  const before = (await ask("GET", base)).body;
  await make("later");
  const rv = before.metadata.resourceVersion;
  const exact = await ask("GET", `${base}?resourceVersion=${rv}&resourceVersionMatch=Exact`);
  assert.deepEqual(names(exact.body.items), names(before.items));
  const newer = await ask("GET", `${base}?resourceVersion=${rv}&resourceVersionMatch=NotOlderThan`);
  assert.ok(names(newer.body.items).includes("later"));
  const future = await ask("GET", `${base}?resourceVersion=999999`);
  assert.deepEqual([future.code, future.body.reason], [504, "Timeout"]);
  const odd = await ask("GET", `${base}?resourceVersionMatch=Exact`);
  assert.equal(odd.code, 422);
  assert.equal((await ask("GET", `${base}?continue=nonsense`)).code, 400);
});

test("a compacted continue token gets 410 and one to go on with", async (context) => {
  const own = await startTestServer();
  context.after(() => own.close());
  for (const name of ["x1", "x2", "x3"]) await make(name, {}, own);
  const first = await own.ask("GET", `${base}?limit=1`);
  await make("x4", {}, own);
  await own.store.compact(own.store.revision);
  const gone = await own.ask("GET", `${base}?limit=1&continue=${first.body.metadata.continue}`);
  assert.deepEqual([gone.code, gone.body.reason], [410, "Expired"]);
  assert.match(gone.body.message, /^The provided continue parameter is too old to display a consistent list result/);
  const next = await own.ask("GET", `${base}?continue=${gone.body.metadata.continue}`);
  assert.deepEqual(names(next.body.items), ["x2", "x3", "x4"]);
  const events = await own.watch(`${base}?watch=true&resourceVersion=${first.body.metadata.resourceVersion}`);
  const [error] = await events.next(1);
  assert.deepEqual([error.type, error.object.code, error.object.reason], ["ERROR", 410, "Expired"]);
  await events.ended;
});

test("watch begins with what is there, and goes on from a revision without a gap", async () => {
  const rv = (await ask("GET", base)).body.metadata.resourceVersion;
  const made = await make("w1");
  const fromStart = await watch(`${base}?watch=true&fieldSelector=metadata.name%3Dw1`);
  const fromRevision = await watch(`${base}?watch=true&resourceVersion=${rv}`);
  assert.equal((await fromStart.next(1))[0].type, "ADDED");
  const [event] = await fromRevision.next(1);
  assert.deepEqual([event.type, event.object.metadata.resourceVersion], ["ADDED", made.metadata.resourceVersion]);
  await ask("DELETE", `${base}/w1`);
  const [gone] = await fromRevision.next(1);
  const [alike] = await fromStart.next(1);
  assert.deepEqual([gone.type, alike.type], ["DELETED", "DELETED"]);
  assert.ok(Number(gone.object.metadata.resourceVersion) > Number(made.metadata.resourceVersion));
  fromStart.close();
  fromRevision.close();
});

test("a watch with a selector tells of objects that enter and leave it", async () => {
  const rv = (await ask("GET", base)).body.metadata.resourceVersion;
  const events = await watch(`${base}?watch=true&resourceVersion=${rv}&labelSelector=in%3Dyes`);
  await make("sel", { in: "no" });
  await label("sel", { in: "yes" });
  await label("sel", { more: "x" });
  const left = (await label("sel", { in: "no" })).body;
  await ask("DELETE", `${base}/sel`);
  await make("sel2", { in: "yes" });
  const got = await events.next(4);
  assert.deepEqual(
    got.map(({ type, object }) => [type, object.metadata.name, object.metadata.labels.in]),
    [
      ["ADDED", "sel", "yes"],
      ["MODIFIED", "sel", "yes"],
      ["DELETED", "sel", "yes"],
      ["ADDED", "sel2", "yes"],
    ],
  );
  assert.equal(got[2].object.metadata.resourceVersion, left.metadata.resourceVersion);
  events.close();
});

test("a streamed list ends with a bookmark that says so; more bookmarks follow", async () => {
  const list = (await ask("GET", base)).body;
  const query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
  const events = await watch(`${base}?${query}`);
  const got = await events.next(list.items.length + 2);
  assert.deepEqual(
    got.slice(0, -2).map(({ type }) => type),
    list.items.map(() => "ADDED"),
  );
  const [end, later] = got.slice(-2);
  assert.equal(end.object.metadata.annotations["k8s.io/initial-events-end"], "true");
  assert.deepEqual(
    [end.object.kind, end.object.metadata.resourceVersion],
    ["ConfigMap", list.metadata.resourceVersion],
  );
  assert.deepEqual([later.type, later.object.metadata.annotations], ["BOOKMARK", undefined]);
  events.close();
  assert.equal((await ask("GET", `${base}?watch=true&sendInitialEvents=true`)).code, 422);
});

test("timeoutSeconds ends a watch", async () => {
  const events = await watch(`${base}?watch=true&timeoutSeconds=1&resourceVersion=${server.store.revision}`);
  const begun = Date.now();
  await events.ended;
  assert.ok(Date.now() - begun >= 900);
});

test("tables and metadata, as lists, objects and events", async () => {
  const table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
  const list = await ask("GET", base, { accept: table });
  assert.deepEqual([list.body.kind, list.body.rows[0].object.kind], ["Table", "PartialObjectMetadata"]);
  assert.deepEqual(
    list.body.columnDefinitions.map(({ name }: { name: string }) => name),
    ["Name", "Data", "Age"],
  );
  const one = await ask("GET", `${base}/a?includeObject=Object`, { accept: table });
  assert.equal(one.body.rows[0].object.kind, "ConfigMap");
  const meta = await ask("GET", base, { accept: "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io" });
  assert.equal(meta.body.kind, "PartialObjectMetadataList");
  const events = await watch(`${base}?watch=true&fieldSelector=metadata.name%3Da`, { accept: table });
  assert.equal((await events.next(1))[0].object.kind, "Table");
  events.close();
  const yaml = await ask("GET", `${base}/a`, { accept: "application/yaml" });
  assert.match(yaml.text, /^apiVersion: v1\nkind: ConfigMap\n/);
});

test("discovery, OpenAPI and paths that lead nowhere", async () => {
  assert.equal((await ask("GET", "/api/v1")).body.kind, "APIResourceList");
  const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
  const discovered = await ask("GET", "/apis", { accept: aggregated });
  assert.equal(discovered.body.kind, "APIGroupDiscoveryList");
  assert.match(String(discovered.headers["content-type"]), /g=apidiscovery/);
  assert.ok((await ask("GET", "/openapi/v3")).body.paths["api/v1"]);
  assert.equal((await ask("GET", "/openapi/v2")).body.swagger, "2.0");
  for (const path of [
    "/api/v1/odd",
    "/apis/odd/v1",
    "/nothing",
    "/api/v1/namespaces/default/pods/x/odd",
    "/api/v1/pods/x",
  ]) {
    const { code, body } = await ask("GET", path);
    assert.deepEqual([code, body.reason], [404, "NotFound"], path);
  }
  assert.equal((await ask("POST", `${base}/a`)).code, 405);
  assert.match((await ask("GET", "/readyz?verbose")).text, /readyz check passed/);
});

test("a watch of more than fits into buffers begins with all of it, for a slow reader too", async (context) => {
  const own = await startTestServer();
  context.after(() => own.close());
  const big = "x".repeat(20_000);
  const body = (index: number) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `big-${index}` },
    data: { big },
  });
  const count = 1200;
  for (let start = 0; start < count; start += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, index) => own.ask("POST", base, { body: body(start + index) })));
  }
  const events = await own.watch(`${base}?watch=true`);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const got = await events.next(count);
  assert.equal(new Set(got.map(({ object }) => object.metadata.name)).size, count);
  await make("after", {}, own);
  assert.equal((await events.next(1))[0].object.metadata.name, "after");
  events.close();
});

test("big answers are compressed for clients that ask for it", async () => {
  const big = "y".repeat(200_000);
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "zipped" }, data: { big } };
  await ask("POST", base, { body });
  const { headers, raw } = await ask("GET", `${base}/zipped`, { encoding: "gzip" });
  assert.equal(headers["content-encoding"], "gzip");
  assert.ok(raw.length < 5000);
  assert.equal(JSON.parse(gunzipSync(raw).toString()).data.big, big);
  const small = await ask("GET", `${base}/a`, { encoding: "gzip" });
  assert.equal(small.headers["content-encoding"], undefined);
});
