/** Options that cannot be, and requests that no verb stands for: codes and words as Kubernetes has them. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type AskOptions, startTestServer } from "./testing.ts";

const server = await startTestServer();
after(() => server.close());
const maps = "/api/v1/namespaces/default/configmaps";
const one = `${maps}/one`;
const body = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "one", finalizers: ["a.b/c"] },
  data: { a: "1" },
};
await server.ask("POST", maps, { body });
const merge = { type: "application/merge-patch+json" };
const apply = { type: "application/apply-patch+yaml" };

const cases: readonly [method: string, path: string, code: number, words: string, options?: AskOptions][] = [
  ["GET", `${maps}?limit=abc`, 400, "limit: Invalid value"],
  ["GET", `${maps}?limit=-1`, 200, ""],
  ["GET", `${maps}?resourceVersion=abc`, 400, "resourceVersion: Invalid value"],
  [
    "GET",
    `${maps}?continue=abc&resourceVersion=5`,
    400,
    "specifying resource version is not allowed when using continue",
  ],
  [
    "GET",
    `${maps}?sendInitialEvents=true`,
    422,
    "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list",
  ],
  [
    "GET",
    `${maps}?watch=1&sendInitialEvents=true&resourceVersionMatch=Exact`,
    422,
    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
  ],
  [
    "GET",
    `${maps}?fieldSelector=a=b`,
    400,
    '"a" is not a known field selector: only "metadata.name", "metadata.namespace"',
  ],
  ["GET", "/api/v1/pods?fieldSelector=a=b", 400, "field label not supported: a"],
  ["POST", `${maps}?fieldValidation=Odd`, 422, 'supported values: "", "Ignore", "Strict", "Warn"', { body }],
  ["POST", maps, 422, 'ConfigMap "" is invalid: metadata.name: Required value', { body: { ...body, metadata: {} } }],
  ["POST", one, 405, "the server does not allow this method on the requested resource", { body }],
  ["PUT", maps, 405, "the server does not allow this method on the requested resource", { body }],
  ["DELETE", "/api/v1/namespaces", 405, "the server does not allow this method on the requested resource"],
  [
    "PATCH",
    `${one}?force=true`,
    422,
    "force: Forbidden: may not be specified for non-apply patch",
    { ...merge, body: {} },
  ],
  [
    "PATCH",
    `${one}?fieldManager=m&force=true`,
    415,
    "application/apply-patch+yaml",
    { body: "a0", type: "application/apply-patch+cbor" },
  ],
  ["PATCH", one, 422, "cannot unmarshal number", { ...merge, body: { data: { a: 1 } } }],
  ["PATCH", one, 422, "fieldManager: Required value: is required for apply patch", { ...apply, body: "{}" }],
  ["PATCH", `${one}?fieldManager=m`, 400, "must say its kind", { ...apply, body: "apiVersion: v1" }],
  [
    "PATCH",
    `${one}?fieldManager=m&fieldValidation=Ignore`,
    400,
    'unknown field "odd"',
    { ...apply, body: "apiVersion: v1\nkind: ConfigMap\nodd: 1" },
  ],
  [
    "DELETE",
    one,
    422,
    "orphanDependents and deletionPropagation cannot be both set",
    { body: { orphanDependents: true, propagationPolicy: "Orphan" } },
  ],
  [
    "DELETE",
    one,
    409,
    'Operation cannot be fulfilled on ConfigMap "one": the UID in the precondition (x) does not match the UID in record',
    { body: { preconditions: { uid: "x" } } },
  ],
  ["DELETE", one, 200, ""],
  ["POST", maps, 409, 'object is being deleted: configmaps "one" already exists', { body }],
];

for (const [method, path, code, words, options] of cases) {
  test(`${method} ${path.replace(maps, "…")}: ${code} ${words}`, async () => {
    const answer = await server.ask(method, path, options);
    assert.equal(answer.code, code, answer.text);
    assert.ok(answer.text.includes(JSON.stringify(words).slice(1, -1)), answer.text);
    if (code >= 400) assert.notEqual(answer.body.details?.name, "");
  });
}
