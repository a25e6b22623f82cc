import assert from "node:assert/strict";
import { test } from "node:test";
import { duplicateFields } from "./json-duplicates.ts";
import { decode, lostIndentation } from "./schema.ts";

const service = "io.k8s.api.core.v1.Service";
const pod = "io.k8s.api.core.v1.Pod";

const faults: readonly { name: string; schema: string; value: unknown; unknown?: string[]; errors?: string[] }[] = [
  {
    name: "a good Service",
    schema: service,
    value: { spec: { ports: [{ port: 80, targetPort: "http" }], selector: { a: "b" } } },
  },
  {
    name: "unknown fields at all depths",
    schema: service,
    value: { foo: 1, spec: { bar: {}, ports: [{ port: 1 }, { prot: 2 }] } },
    unknown: ["foo", "spec.bar", "spec.ports[1].prot"],
  },
  {
    name: "fields are told apart by case",
    schema: service,
    value: { spec: { clusterip: "x" } },
    unknown: ["spec.clusterip"],
  },
  {
    name: "text for a number",
    schema: service,
    value: { spec: { ports: [{ port: "80" }] } },
    errors: ["json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32"],
  },
  {
    name: "a fraction for a number",
    schema: service,
    value: { spec: { ports: [{ port: 1.5 }] } },
    errors: ["json: cannot unmarshal number 1.5 into Go struct field ServicePort.spec.ports.port of type int32"],
  },
  {
    name: "a number for a label",
    schema: service,
    value: { metadata: { labels: { a: 1 } } },
    errors: ["json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"],
  },
  {
    name: "text for an object",
    schema: service,
    value: { spec: "x" },
    errors: ["json: cannot unmarshal string into Go struct field Service.spec of type v1.ServiceSpec"],
  },
  {
    name: "an object for a list",
    schema: service,
    value: { spec: { ports: {} } },
    errors: ["json: cannot unmarshal object into Go struct field ServiceSpec.spec.ports of type []v1.ServicePort"],
  },
  {
    name: "a list for the whole",
    schema: service,
    value: [],
    errors: ["json: cannot unmarshal array into Go value of type v1.Service"],
  },
  {
    name: "a bad quantity",
    schema: pod,
    value: { spec: { overhead: { cpu: "1 core" } } },
    errors: [
      "spec.overhead.cpu: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
  },
  {
    name: "bad base64",
    schema: "io.k8s.api.core.v1.Secret",
    value: { data: { a: "%%%%" } },
    errors: ["data.a: illegal base64 data at input byte 0"],
  },
];

for (const { name, schema, value, unknown = [], errors = [] } of faults) {
  test(`decode() judges ${name}`, () => {
    const result = decode(schema, value);
    assert.deepEqual(
      result.unknown,
      unknown.map((path) => `unknown field "${path}"`),
    );
    assert.deepEqual(result.errors, errors);
  });
}

const kept: readonly { name: string; schema: string; value: unknown; want: unknown }[] = [
  {
    name: "drops unknown fields and nulls",
    schema: service,
    value: { x: 1, metadata: { creationTimestamp: null, name: "a" }, spec: null },
    want: { metadata: { name: "a" } },
  },
  {
    name: "fills null items",
    schema: service,
    value: { metadata: { labels: { a: null } }, spec: { ports: [null] } },
    want: { metadata: { labels: { a: "" } }, spec: { ports: [{}] } },
  },
  {
    name: "writes times in UTC",
    schema: service,
    value: { metadata: { creationTimestamp: "2026-01-01T02:00:00.9+02:00" } },
    want: { metadata: { creationTimestamp: "2026-01-01T00:00:00Z" } },
  },
  {
    name: "writes micro times with six decimals",
    schema: "io.k8s.api.coordination.v1.Lease",
    value: { spec: { renewTime: "2026-01-01T00:00:00.1234567Z" } },
    want: { spec: { renewTime: "2026-01-01T00:00:00.123456Z" } },
  },
  {
    name: "writes quantities in canonical form",
    schema: pod,
    value: { spec: { overhead: { cpu: 0.1, memory: "1024Ki" } } },
    want: { spec: { overhead: { cpu: "100m", memory: "1Mi" } } },
  },
];

for (const { name, schema, value, want } of kept) {
  test(`decode() ${name}`, () => assert.deepEqual(decode(schema, value).value, want));
}

test("decode() leaves its argument alone and shares nothing with it", () => {
  const value = { metadata: { managedFields: [{ fieldsV1: { "f:spec": {} } }] }, odd: 1 };
  const before = structuredClone(value);
  const result = decode(service, value).value as typeof value;
  assert.deepEqual(value, before);
  assert.notEqual(result.metadata.managedFields[0]?.fieldsV1, value.metadata.managedFields[0]?.fieldsV1);
});

test("decode() takes a label called __proto__ for what it is", () => {
  const { value } = decode(service, JSON.parse('{"metadata": {"labels": {"__proto__": "x"}}}'));
  assert.equal(JSON.stringify(value), '{"metadata":{"labels":{"__proto__":"x"}}}');
});

const indentation: readonly { name: string; value: unknown; want: RegExp | undefined }[] = [
  {
    name: "all lost",
    value: { kind: "Service", metadata: null, name: "x", spec: null, selector: null, app: "y", ports: [] },
    want: /^The fields of Service( ".*")? seem to have lost their indentation: at the top level stand name \(of metadata\), selector \(of spec\), ports \(of spec\)$/,
  },
  {
    name: "only metadata lost",
    value: { kind: "Service", metadata: null, name: "x", spec: { ports: [] } },
    want: /name \(of metadata\)$/,
  },
  {
    name: "a stray field beside a full spec",
    value: { kind: "Service", metadata: { name: "x" }, spec: { ports: [] }, ports: [] },
    want: undefined,
  },
  {
    name: "a good manifest",
    value: { kind: "Service", metadata: { name: "x" }, spec: { ports: [] } },
    want: undefined,
  },
  { name: "an odd field", value: { kind: "Service", metadata: null, foo: 1 }, want: undefined },
];

for (const { name, value, want } of indentation) {
  test(`lostIndentation(): ${name}`, () => {
    const found = lostIndentation(value, service);
    if (want) assert.match(found ?? "", want);
    else assert.equal(found, undefined);
  });
}

const duplicates: readonly (readonly [text: string, want: string[]])[] = [
  ['{"a": 1, "b": {"a": 2}}', []],
  ['{"a": 1, "a": 2}', ['duplicate field "a"']],
  ['{"s": {"p": [{"x": "}{", "y": 1}, {"x": 1, "x": [1, 2]}]}}', ['duplicate field "s.p[1].x"']],
  ['{"a": "b", "c": ["a", "a"], "\\u0061": 1}', ['duplicate field "a"']],
  ['{"a": {"x": 1}, "b": {"x": 1}, "l": [[{"q": 1}], [{"q": 1, "q": 2}]]}', ['duplicate field "l[1][0].q"']],
];

for (const [text, want] of duplicates) {
  test(`duplicateFields(${text})`, () => assert.deepEqual(duplicateFields(text, JSON.parse(text)), want));
}
