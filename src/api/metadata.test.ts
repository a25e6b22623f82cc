import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFieldError } from "./field-error.ts";
import { validateMetadata, validateMetadataUpdate } from "./metadata.ts";
import { checkDns1035Label } from "./names.ts";
import type { KubeObject, ObjectMeta } from "./object.ts";

const object = (metadata: Partial<ObjectMeta>): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "default", ...metadata },
});
const owner = { apiVersion: "v1", kind: "Pod", name: "a", uid: "1" };
const kind = { namespaced: true };

const cases: readonly { name: string; metadata: Partial<ObjectMeta>; want: readonly RegExp[] }[] = [
  {
    name: "good metadata",
    metadata: {
      labels: { "example.com/a": "b" },
      annotations: { "X/y": "any text" },
      finalizers: ["example.com/x", "orphan"],
      ownerReferences: [owner],
    },
    want: [],
  },
  {
    name: "no name",
    metadata: { name: "" },
    want: [/^metadata.name: Required value: name or generateName is required$/],
  },
  {
    name: "a bad name",
    metadata: { name: "Web" },
    want: [/^metadata.name: Invalid value: "Web": a lowercase RFC 1123 subdomain/],
  },
  { name: "a bad prefix", metadata: { generateName: "Web-" }, want: [/^metadata.generateName: Invalid value: "Web-"/] },
  { name: "no namespace", metadata: { namespace: "" }, want: [/^metadata.namespace: Required value$/] },
  {
    name: "a bad namespace",
    metadata: { namespace: "a.b" },
    want: [/^metadata.namespace: Invalid value: "a.b": must not contain dots$/],
  },
  {
    name: "bad labels",
    metadata: { labels: { "a b": "c d" } },
    want: [
      /^metadata.labels: Invalid value: "a b": name part must consist/,
      /^metadata.labels: Invalid value: "c d": a valid label must/,
    ],
  },
  {
    name: "too many annotations",
    metadata: { annotations: { a: "x".repeat(256 * 1024) } },
    want: [/^metadata.annotations: Too long: may not be more than 262144 bytes$/],
  },
  {
    name: "an unqualified finalizer",
    metadata: { finalizers: ["mine"] },
    want: [
      /^metadata.finalizers\[0\]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified$/,
    ],
  },
  {
    name: "finalizers that exclude each other",
    metadata: { finalizers: ["orphan", "foregroundDeletion"] },
    want: [/cannot be both set$/],
  },
  {
    name: "an owner without uid",
    metadata: { ownerReferences: [{ ...owner, uid: "" }] },
    want: [/^metadata.ownerReferences.uid: Invalid value: "": must not be empty$/],
  },
  {
    name: "two controllers",
    metadata: {
      ownerReferences: [
        { ...owner, controller: true },
        { ...owner, name: "b", controller: true },
      ],
    },
    want: [/Only one reference can have Controller set to true. Found "true" in references for Pod\/a and Pod\/b$/],
  },
];

for (const { name, metadata, want } of cases) {
  test(`validateMetadata() judges ${name}`, () => {
    const found = validateMetadata(object(metadata), kind).map(formatFieldError);
    assert.equal(found.length, want.length, found.join("\n"));
    for (const [index, pattern] of want.entries()) assert.match(found[index] ?? "", pattern);
  });
}

test("validateMetadata() asks the kind about names, and refuses a namespace for cluster-scoped kinds", () => {
  assert.match(
    validateMetadata(object({ name: "1" }), { ...kind, validateName: checkDns1035Label })[0]?.detail ?? "",
    /DNS-1035/,
  );
  const found = validateMetadata(object({}), { namespaced: false }).map(formatFieldError);
  assert.deepEqual(found, ["metadata.namespace: Forbidden: not allowed on this type"]);
});

test("validateMetadataUpdate() keeps identity and closes the list of finalizers when an object goes", () => {
  const old = object({ uid: "1", deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["a.b/c"] });
  assert.deepEqual(validateMetadataUpdate(old, old), []);
  const renamed = { ...old, metadata: { ...old.metadata, uid: "2" } };
  assert.deepEqual(validateMetadataUpdate(renamed, old).map(formatFieldError), [
    'metadata.uid: Invalid value: "2": field is immutable',
  ]);
  const held = { ...old, metadata: { ...old.metadata, finalizers: ["a.b/c", "a.b/d"] } };
  assert.deepEqual(validateMetadataUpdate(held, old).map(formatFieldError), [
    'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a.b/d"}',
  ]);
});
