import assert from "node:assert/strict";
import { after, test } from "node:test";
import { kinds } from "../api/kinds/mod.ts";
import { apiVersionOf } from "../api/resource.ts";
import { type AskOptions, startTestServer } from "./testing.ts";

const server = await startTestServer();
after(() => server.close());
const { ask } = server;
const path = "/api/v1/namespaces/default/services";

const service = (spec: object, name = "bad") => ({ apiVersion: "v1", kind: "Service", metadata: { name }, spec });
const port = { port: 80 };

await ask("POST", path, {
  body: service({ type: "NodePort", clusterIP: "10.96.0.50", ports: [{ port: 80, nodePort: 30050 }] }, "first"),
});
// The record of its address is written right after it.
const record = "/apis/networking.k8s.io/v1/ipaddresses/10.96.0.50";
for (let tries = 0; tries < 500 && (await ask("GET", record)).code !== 200; tries++) {
  await new Promise((resolve) => setTimeout(resolve, 2));
}

const lost =
  "apiVersion: v1\nkind: Service\nmetadata:\nname: backend\nspec:\nselector:\napp: backend\nports:\n- port: 80\n";

const cases: { name: string; path?: string; options: AskOptions; code: number; message: RegExp }[] = [
  {
    name: "lost indentation",
    options: { type: "application/yaml", body: lost },
    code: 400,
    message: /The fields of Service "backend" seem to have lost their indentation/,
  },
  {
    name: "an unknown field, strict",
    path: `${path}?fieldValidation=Strict`,
    options: { body: service({ ports: [port], foo: 1 }) },
    code: 400,
    message: /strict decoding error: unknown field "spec.foo"$/,
  },
  {
    name: "a field of the wrong type",
    options: { body: service({ ports: "80" }) },
    code: 400,
    message:
      /cannot be handled as a Service: json: cannot unmarshal string into Go struct field ServiceSpec?\.spec\.ports|cannot unmarshal string/,
  },
  {
    name: "a nodePort out of range",
    options: { body: service({ type: "NodePort", ports: [{ port: 80, nodePort: 99 }] }) },
    code: 422,
    message:
      /^Service "bad" is invalid: spec.ports\[0\].nodePort: Invalid value: 99: provided port is not in the valid range. The range of valid ports is 30000-32767$/,
  },
  {
    name: "a nodePort that is taken",
    options: { body: service({ type: "NodePort", ports: [{ port: 80, nodePort: 30050 }] }) },
    code: 422,
    message: /spec.ports\[0\].nodePort: Invalid value: 30050: provided port is already allocated$/,
  },
  {
    name: "a ClusterIP that is none",
    options: { body: service({ clusterIP: "10.96.0.300", ports: [port] }) },
    code: 422,
    message: /Invalid value: "10.96.0.300"/,
  },
  {
    name: "a ClusterIP out of range",
    options: { body: service({ clusterIP: "10.97.0.1", ports: [port] }) },
    code: 422,
    message:
      /spec.clusterIPs: Invalid value: \["10.97.0.1"\]: failed to allocate IP 10.97.0.1: the provided network does not match the current range/,
  },
  {
    name: "a ClusterIP that is taken",
    options: { body: service({ clusterIP: "10.96.0.50", ports: [port] }) },
    code: 422,
    message: /failed to allocate IP 10.96.0.50: provided IP is already allocated$/,
  },
  {
    name: "a port name twice",
    options: {
      body: service({
        ports: [
          { name: "a", port: 80 },
          { name: "a", port: 81 },
        ],
      }),
    },
    code: 422,
    message: /spec.ports\[1\].name: Duplicate value: "a"$/,
  },
  {
    name: "ExternalName without a name",
    options: { body: service({ type: "ExternalName" }) },
    code: 422,
    message: /spec.externalName: Required value/,
  },
  { name: "a body that is no JSON", options: { body: "{" }, code: 400, message: /the body is no valid JSON/ },
  {
    name: "a body that is no YAML",
    options: { type: "application/yaml", body: "a: [b" },
    code: 400,
    message: /the body is no valid YAML/,
  },
  { name: "an empty body", options: { body: "" }, code: 400, message: /the body is empty/ },
  {
    name: "a list instead of an object",
    options: { body: [] },
    code: 400,
    message: /must be one object of kind Service/,
  },
  {
    name: "another kind",
    options: { body: { apiVersion: "v1", kind: "Pod" } },
    code: 400,
    message: /Pod in version "v1" cannot be handled as a Service/,
  },
  {
    name: "a kind that is no name",
    options: { body: { apiVersion: "v1", kind: 1 } },
    code: 400,
    message: /field "kind" is missing/,
  },
  {
    name: "no name",
    options: { body: { ...service({ ports: [port] }), metadata: {} } },
    code: 422,
    message: /name or generateName is required/,
  },
  {
    name: "another namespace",
    options: { body: { ...service({ ports: [port] }), metadata: { name: "x", namespace: "y" } } },
    code: 400,
    message: /the namespace of the provided object does not match the namespace sent on the request/,
  },
  {
    name: "10 MB",
    options: { body: `"${"x".repeat(10_000_000)}"` },
    code: 413,
    message: /^Request entity (is )?too large: limit is 3145728$/,
  },
  {
    name: "a protobuf body that is none",
    options: { type: "application/vnd.kubernetes.protobuf", body: "nonsense" },
    code: 400,
    message: /the body is no valid protobuf: it does not begin with the bytes/,
  },
  {
    name: "CBOR",
    options: { type: "application/cbor", body: "x" },
    code: 415,
    message: /accepted media types include: application\/json/,
  },
  { name: "a broken selector", path: `${path}?labelSelector=%3D%3D`, options: {}, code: 400, message: /./ },
];

for (const { name, path: asked = path, options, code, message } of cases) {
  test(`bad input gets one sentence and changes nothing: ${name}`, async () => {
    const before = server.store.revision;
    const method = name.includes("selector") ? "GET" : "POST";
    const answer = await ask(method, asked, options);
    assert.deepEqual([answer.code, answer.body.kind, answer.body.status], [code, "Status", "Failure"], answer.text);
    assert.match(answer.body.message, message);
    assert.ok(!answer.body.message.includes("\n"));
    assert.equal(server.store.revision, before);
  });
}

test("unknown fields are warned of by default and dropped", async () => {
  const { code, headers, body } = await ask("POST", path, { body: service({ ports: [port], foo: 1 }, "warned") });
  assert.equal(code, 201);
  assert.equal(headers.warning, '299 - "unknown field \\"spec.foo\\""');
  assert.equal(body.spec.foo, undefined);
});

for (const kind of kinds.filter(({ createOnly, closed }) => !createOnly && !closed)) {
  test(`an object without a name is told so, or what else it lacks: ${kind.plural}`, async () => {
    const group = kind.group ? `/apis/${kind.group}` : "/api";
    const place = `${group}/${kind.version}${kind.namespaced ? "/namespaces/default" : ""}/${kind.plural}`;
    const answer = await ask("POST", place, {
      body: { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: {} },
    });
    assert.ok(answer.code >= 400 && answer.code < 500, answer.text);
  });
}
