import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer } from "../testing.ts";
import { decodeProtobuf } from "./decode.ts";
import { encodeMessage, envelope } from "./encode.ts";

/** As a client in Go writes it. */
const boats =
  "azhzAAozChdhcGlleHRlbnNpb25zLms4cy5pby92MRIYQ3VzdG9tUmVzb3VyY2VEZWZpbml0aW9uEskECiEKEWJvYXRzLmV4YW1wbGUuY29tEgAaACIAKgAyADgAQgASlQQKC2V4YW1wbGUuY29tGhEKBWJvYXRzEgAiBEJvYXQqACIKTmFtZXNwYWNlZDrkAwoCdjEQARgBItcDCtQDCgASACIAKgZvYmplY3QyADoAUABgAHoAkAEA6gEwCgNhbnkSKQoAEgAiACoGb2JqZWN0MgA6AFAAYAB6AJABAPIBAggBqAIAuAIAwAIA6gFPCgZjb2xvdXISRQoAEgAiACoGc3RyaW5nMgA6AEIJCgcid2hpdGUiUABgAHoAkAEAogEJCgcid2hpdGUiogEHCgUicmVkIqgCALgCAMACAOoBVgoEY3JldxJOCgASACIAKgVhcnJheTIAOgBQAGAAegCQAQDCASgKJgoAEgAiACoGc3RyaW5nMgA6AFAAYABwAHoAkAEAqAIAuAIAwAIAqAIAuAIAwAIA6gEvCgRmcmVlEicKABIAIgAqBm9iamVjdDIAOgBQAGAAegCQAQCoAgCwAgG4AgDAAgDqAVkKBmxhYmVscxJPCgASACIAKgZvYmplY3QyADoAUABgAHoAkAEA8gEoCAESJAoAEgAiACoGc3RyaW5nMgA6AFAAYAB6AJABAKgCALgCAMACAKgCALgCAMACAOoBQQoGbGVuZ3RoEjcKABIAIgAqBm51bWJlcjIAOgBQAFkAAAAAAAAAAGAAegCQAQCZAQAAAAAAAOA/qAIAuAIAwAIAqAIAuAIAwAIAOABQABoMEggKABIAIgAqACAAGgAiAA==";
const odd =
  "azhzAAozChdhcGlleHRlbnNpb25zLms4cy5pby92MRIYQ3VzdG9tUmVzb3VyY2VEZWZpbml0aW9uEvYBChEKAXgSABoAIgAqADIAOABCABLSAQoAGggKABIAIgAqACIAOr8BCgJ2MRAAGAAisgEKrwEKABIAIgAqADIAOgBQAGAAegCQAQDCAU0SJAoAEgAiACoGc3RyaW5nMgA6AFAAYAB6AJABAKgCALgCAMACABIlCgASACIAKgdpbnRlZ2VyMgA6AFAAYAB6AJABAKgCALgCAMACAIICCwoBYRIGEgFiEgFjggIrCgFkEiYKJAoAEgAiACoGc3RyaW5nMgA6AFAAYAB6AJABAKgCALgCAMACAIoCAggAqAIAuAIAwAIAOABQABoMEggKABIAIgAqACAAGgAiAA==";
const bytes = (base64: string): Buffer => Buffer.from(base64, "base64");
const type = "application/vnd.kubernetes.protobuf";
const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

const properties = {
  any: { type: "object", additionalProperties: true },
  colour: { type: "string", default: "white", enum: ["white", "red"] },
  crew: { type: "array", items: { type: "string", minLength: 0 } },
  free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  labels: { type: "object", additionalProperties: { type: "string" } },
  length: { type: "number", minimum: 0, multipleOf: 0.5 },
};

// biome-ignore lint/suspicious/noExplicitAny: looked into
const schemaOf = (definition: any): unknown => definition.spec.versions[0].schema.openAPIV3Schema;

test("a definition of a custom kind is read from protobuf, and written as it was", () => {
  const read = decodeProtobuf(bytes(boats));
  assert.deepEqual(schemaOf(read), { type: "object", properties });
  const schema = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition";
  const written = envelope("apiextensions.k8s.io/v1", "CustomResourceDefinition", encodeMessage(schema, read));
  assert.deepEqual(decodeProtobuf(written), read);
});

test("what may be one of two things: a schema or a list of them, of names, or a boolean", () => {
  const read = decodeProtobuf(bytes(odd));
  const expected = {
    items: [{ type: "string" }, { type: "integer" }],
    additionalItems: false,
    dependencies: { a: ["b", "c"], d: { type: "string" } },
  };
  assert.deepEqual(schemaOf(read), expected);
  const schema = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition";
  const written = envelope("apiextensions.k8s.io/v1", "CustomResourceDefinition", encodeMessage(schema, read));
  assert.deepEqual(schemaOf(decodeProtobuf(written)), expected);
});

test("a status without fields is there all the same", () => {
  const schema = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition";
  const versions = [{ name: "v1", served: true, subresources: { status: {} } }];
  const raw = encodeMessage(schema, { spec: { versions } });
  assert.ok(raw.includes(Buffer.from("2a020a00", "hex")), "field 5 holds field 1, which holds nothing");
  const read = decodeProtobuf(envelope("apiextensions.k8s.io/v1", "CustomResourceDefinition", raw));
  assert.deepEqual((read as { spec: object }).spec, { versions });
});

test("definitions are created, read, listed and deleted by clients that speak protobuf alone", async () => {
  const server = await startTestServer();
  after(() => server.close());
  const { ask } = server;
  const made = await ask("POST", definitions, { body: bytes(boats), type, accept: type });
  assert.deepEqual([made.code, made.headers["content-type"]], [201, type]);
  const path = `${definitions}/boats.example.com`;
  const read = await ask("GET", path, { accept: type });
  assert.deepEqual(schemaOf(decodeProtobuf(read.raw)), { type: "object", properties });
  assert.deepEqual(schemaOf((await ask("GET", path)).body), { type: "object", properties });
  const boat = { apiVersion: "example.com/v1", kind: "Boat", metadata: { name: "a" }, colour: "blue" };
  const refused = await ask("POST", "/apis/example.com/v1/namespaces/default/boats", { body: boat });
  assert.match(refused.text, /colour: Unsupported value: \\"blue\\"/);
  const { raw, headers } = await ask("GET", definitions, { accept: type });
  assert.equal(headers["content-type"], type);
  assert.ok(raw.includes("CustomResourceDefinitionList") && raw.includes("boats.example.com"));
  assert.equal(
    (await ask("GET", "/apis/example.com/v1/boats", { accept: type })).code,
    406,
    "custom objects have none",
  );
  assert.equal((await ask("DELETE", path, { accept: type })).code, 200);
});
