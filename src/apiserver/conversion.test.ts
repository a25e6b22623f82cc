import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer } from "./testing.ts";
import { startTestWebhook } from "./webhook-testing.ts";

const server = await startTestServer();
const hook = await startTestWebhook();
after(async () => {
  await server.close();
  await hook.close();
});
const { ask } = server;

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const mergeType = "application/merge-patch+json";
const at = (version: string): string => `/apis/example.com/${version}/namespaces/default/endpoints`;
const schema = (properties: object) => ({ openAPIV3Schema: { type: "object", properties } });
const host = {
  spec: { type: "object", properties: { host: { type: "string" }, port: { type: "integer", default: 80 } } },
};
const hostPort = { spec: { type: "object", properties: { hostPort: { type: "string" } } } };
const conversion = (path = "/convert") => ({
  strategy: "Webhook",
  webhook: { clientConfig: hook.url(path), conversionReviewVersions: ["v1"] },
});
const definition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "endpoints.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { plural: "endpoints", kind: "Endpoint" },
    conversion: conversion(),
    versions: [
      { name: "v1", served: true, storage: false, schema: schema(hostPort) },
      { name: "v2", served: true, storage: true, schema: schema(host), subresources: { status: {} } },
    ],
  },
};

type Endpoint = { apiVersion: string; metadata: { labels?: object; name: string }; spec: Record<string, unknown> };

/** "a:1" in v1 is host "a" and port 1 in v2. */
function convert({ spec, ...rest }: Endpoint, apiVersion: string): object {
  if (apiVersion === "example.com/v1") return { ...rest, apiVersion, spec: { hostPort: `${spec.host}:${spec.port}` } };
  const [name, port] = String(spec.hostPort).split(":");
  return { ...rest, apiVersion, spec: { host: name, port: Number(port), unknown: "pruned" } };
}

// biome-ignore lint/suspicious/noExplicitAny: a review of any shape
const answer = ({ request }: any, response: object): object => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "ConversionReview",
  response: { uid: request.uid, result: { status: "Success" }, ...response },
});
// biome-ignore lint/suspicious/noExplicitAny: a review of any shape
const converting = (review: any): object =>
  answer(review, {
    convertedObjects: review.request.objects.map((one: Endpoint) => convert(one, review.request.desiredAPIVersion)),
  });
hook.answer("/convert", converting);

const v1 = (name: string, text: string) => ({
  apiVersion: "example.com/v1",
  kind: "Endpoint",
  metadata: { name },
  spec: { hostPort: text },
});

const made = await ask("POST", definitions, { body: definition });
assert.equal(made.code, 201, made.text);

async function storedVersion(name: string): Promise<string> {
  const entry = await server.store.get(`/registry/example.com/endpoints/default/${name}`);
  return JSON.parse(String(entry?.value)).apiVersion;
}

test("an object is written and read at each version, and stored as the storage version", async () => {
  const created = await ask("POST", at("v1"), { body: v1("a", "one:1") });
  assert.deepEqual(
    [created.code, created.body.spec, created.body.apiVersion],
    [201, { hostPort: "one:1" }, "example.com/v1"],
  );
  assert.equal(await storedVersion("a"), "example.com/v2");
  const read = (await ask("GET", `${at("v2")}/a`)).body;
  assert.deepEqual([read.apiVersion, read.spec], ["example.com/v2", { host: "one", port: 1 }]);
  assert.equal(read.metadata.uid, created.body.metadata.uid);
  const patched = await ask("PATCH", `${at("v1")}/a`, { type: mergeType, body: { spec: { hostPort: "two:2" } } });
  assert.deepEqual([patched.code, patched.body.spec], [200, { hostPort: "two:2" }]);
  const { body } = await ask("PUT", `${at("v2")}/a`, {
    body: { ...(await ask("GET", `${at("v2")}/a`)).body, spec: { host: "three" } },
  });
  assert.deepEqual(body.spec, { host: "three", port: 80 });
  assert.deepEqual((await ask("GET", `${at("v1")}/a`)).body.spec, { hostPort: "three:80" });
  const applied = await ask("PATCH", `${at("v1")}/b?fieldManager=me`, {
    type: "application/apply-patch+yaml",
    body: v1("b", "four:4"),
  });
  assert.deepEqual([applied.code, await storedVersion("b")], [201, "example.com/v2"]);
});

test("lists ask the webhook once for all, tables and watches show the version that was asked for", async () => {
  await ask("PATCH", `${at("v2")}/a`, { type: mergeType, body: { spec: { port: 5 } } });
  await ask("PATCH", `${at("v2")}/b`, { type: mergeType, body: { spec: { port: 5 } } });
  const before = hook.asked("/convert").length;
  const { body } = await ask("GET", at("v1"));
  assert.deepEqual(
    [body.items.map((one: Endpoint) => one.spec.hostPort), body.kind],
    [["three:5", "four:5"], "EndpointList"],
  );
  const asked = hook.asked("/convert").slice(before);
  assert.deepEqual([asked.length, asked[0].request.objects.length], [1, 2]);
  await ask("GET", at("v1"));
  assert.equal(hook.asked("/convert").length, before + 1, "what has not changed is not converted again");
  const watch = await server.watch(`${at("v1")}?watch=1`);
  const first = await watch.next(2);
  assert.deepEqual(
    first.map(({ type, object }) => `${type} ${object.spec.hostPort}`),
    ["ADDED three:5", "ADDED four:5"],
  );
  await ask("PATCH", `${at("v2")}/a`, { type: mergeType, body: { spec: { port: 6 } } });
  await ask("DELETE", `${at("v2")}/b`);
  const next = await watch.next(2);
  assert.deepEqual(
    next.map(({ type, object }) => `${type} ${object.spec.hostPort}`),
    ["MODIFIED three:6", "DELETED four:5"],
  );
  watch.close();
});

test("a conversion that fails, or comes back wrong, is told", async () => {
  const start = "Internal error occurred: conversion webhook for example.com/v2, Kind=Endpoint ";
  const cases: [respond: Parameters<typeof hook.answer>[1], message: string | RegExp][] = [
    [(review) => answer(review, { result: { status: "Failed", message: "cannot" } }), `${start}failed: cannot`],
    [(review) => answer(review, { convertedObjects: [] }), `${start}returned 0 objects, expected 1`],
    [
      (review) => answer(review, { convertedObjects: review.request.objects }),
      `${start}returned invalid object at index 0: invalid groupVersion (expected example.com/v1, received example.com/v2)`,
    ],
    [() => 500, `${start}failed: an error on the server ("") has prevented the request from succeeding`],
  ];
  for (const [respond, message] of cases) {
    hook.answer("/convert", respond);
    await ask("PATCH", `${at("v2")}/a`, {
      type: mergeType,
      body: { spec: { host: `h${cases.findIndex(([one]) => one === respond)}` } },
    });
    const { code, body } = await ask("GET", `${at("v1")}/a`);
    assert.deepEqual([code, body.message], [500, message]);
    assert.equal((await ask("GET", `${at("v2")}/a`)).code, 200, "its own version needs nobody");
  }
  hook.answer("/convert", converting);
  assert.equal((await ask("GET", `${at("v1")}/a`)).code, 200);
});

test("metadata stays as it was, but for labels and annotations", async () => {
  hook.answer("/convert", (review) =>
    answer(review, {
      convertedObjects: review.request.objects.map((one: Endpoint) => ({
        ...convert(one, review.request.desiredAPIVersion),
        metadata: { ...one.metadata, labels: { converted: "yes" }, finalizers: ["a.b/c"] },
      })),
    }),
  );
  await ask("PATCH", `${at("v2")}/a`, { type: mergeType, body: { spec: { host: "meta" } } });
  const { metadata } = (await ask("GET", `${at("v1")}/a`)).body;
  assert.deepEqual([metadata.labels, metadata.finalizers], [{ converted: "yes" }, undefined]);
  hook.answer("/convert", converting);
});

test("a definition must say how its webhook is reached", async () => {
  const cases = [
    [{ strategy: "Odd" }, "spec.conversion.strategy"],
    [{ strategy: "Webhook" }, "spec.conversion.webhookClientConfig"],
    [
      { strategy: "Webhook", webhook: { clientConfig: {}, conversionReviewVersions: ["v1"] } },
      "spec.conversion.webhookClientConfig",
    ],
    [
      { ...conversion(), webhook: { ...conversion().webhook, conversionReviewVersions: ["v7"] } },
      "spec.conversion.conversionReviewVersions",
    ],
    [{ ...conversion(), strategy: "None" }, "spec.conversion.webhookClientConfig"],
  ] as const;
  for (const [given, field] of cases) {
    const spec = { ...definition.spec, conversion: given, names: { plural: "odds", kind: "Odd" } };
    const body = { ...definition, metadata: { name: "odds.example.com" }, spec };
    const refused = await ask("POST", `${definitions}?dryRun=All`, { body });
    assert.deepEqual([refused.code, refused.body.details.causes[0].field], [422, field], JSON.stringify(given));
  }
});
