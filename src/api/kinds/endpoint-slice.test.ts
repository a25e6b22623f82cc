import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoint } from "kubernetes-types/discovery/v1";
import { formatFieldError } from "../field-error.ts";
import type { EndpointSlice } from "../object.ts";
import { endpointSliceKind } from "./endpoint-slice.ts";

function slice(fields: Partial<EndpointSlice> = {}): EndpointSlice {
  const object: EndpointSlice = structuredClone({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-abc", namespace: "default" },
    addressType: "IPv4",
    endpoints: [],
    ...fields,
  });
  endpointSliceKind.setDefaults?.(object);
  return object;
}

const one = (address: string, fields: Partial<Endpoint> = {}) => ({ endpoints: [{ addresses: [address], ...fields }] });
const a0 = "endpoints[0].addresses[0]";
const notIp = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const zones = (count: number) => ({
  hints: { forZones: Array.from({ length: count }, (_, index) => ({ name: `z${index}` })) },
});
const rules: readonly [name: string, fields: Partial<EndpointSlice>, faults: readonly string[]][] = [
  ["E12 no type", { addressType: "" }, ["addressType: Required value"]],
  [
    "E12 an unknown type",
    { addressType: "IP" },
    ['addressType: Unsupported value: "IP": supported values: "FQDN", "IPv4", "IPv6"'],
  ],
  ["E13 an address", one("10.0.0.1"), []],
  ["E13 no IP", one("web"), [`${a0}: Invalid value: "web": ${notIp}`]],
  ["E13 IPv6 in IPv4", one("fd00::1"), ['endpoints[0].addresses: Invalid value: "fd00::1": must be an IPv4 address']],
  [
    "E13 IPv4 in IPv6",
    { addressType: "IPv6", ...one("10.0.0.1") },
    ['endpoints[0].addresses: Invalid value: "10.0.0.1": must be an IPv6 address'],
  ],
  [
    "E13 IPv6 in another form",
    { addressType: "IPv6", ...one("FD00::1") },
    [`${a0}: Invalid value: "FD00::1": must be in canonical form ("fd00::1")`],
  ],
  ["E13 no name", { addressType: "FQDN", ...one("") }, [`${a0}: Required value`]],
  [
    "E13 a loopback address",
    one("127.0.0.1"),
    [`${a0}: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)`],
  ],
  ["E13 a full name", { addressType: "FQDN", ...one("a.example.com") }, []],
  [
    "E13 a name of one part",
    { addressType: "FQDN", ...one("localhost") },
    [`${a0}: Invalid value: "localhost": should be a domain with at least two segments separated by dots`],
  ],
  [
    "E13 no addresses",
    { endpoints: [{ addresses: [] }] },
    ["endpoints[0].addresses: Required value: must contain at least 1 address"],
  ],
  [
    "E13 101 addresses",
    { endpoints: [{ addresses: Array.from({ length: 101 }, (_, index) => `10.0.0.${index + 1}`) }] },
    ["endpoints[0].addresses: Too many: 101: must have at most 100 items"],
  ],
  ["E13 1000 endpoints", { endpoints: Array.from({ length: 1000 }, () => ({ addresses: ["10.0.0.1"] })) }, []],
  [
    "E13 1001 endpoints",
    { endpoints: Array.from({ length: 1001 }, () => ({ addresses: ["10.0.0.1"] })) },
    ["endpoints: Too many: 1001: must have at most 1000 items"],
  ],
  ["E14 a zone of any text", one("10.0.0.1", { zone: "zone A!" }), []],
  ["E15 8 zones", one("10.0.0.1", zones(8)), []],
  ["E15 9 zones", one("10.0.0.1", zones(9)), ["endpoints[0].hints.forZones: Too many: 9: must have at most 8 items"]],
  [
    "E15 a zone twice",
    one("10.0.0.1", { hints: { forZones: [{ name: "a" }, { name: "a" }] } }),
    ['endpoints[0].hints.forZones[1].name: Duplicate value: "a"'],
  ],
  ["E16 a port of any number, or none", { ports: [{ name: "a", port: 0 }, { name: "b" }] }, []],
  ["E16 two nameless ports", { ports: [{ port: 80 }, { port: 81 }] }, ['ports[1].name: Duplicate value: ""']],
  [
    "E16 an unknown protocol",
    { ports: [{ port: 80, protocol: "X" }] },
    ['ports[0].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"'],
  ],
  [
    "E16 an empty protocol",
    { ports: [{ port: 80, protocol: "" }] },
    ['ports[0].protocol: Unsupported value: "": supported values: "SCTP", "TCP", "UDP"'],
  ],
];

for (const [name, fields, faults] of rules) {
  test(`validate() ${name}`, () => {
    assert.deepEqual(endpointSliceKind.validate?.(slice(fields)).map(formatFieldError), faults);
  });
}

test("E14 node and host names are checked as such", () => {
  const faults = endpointSliceKind.validate?.(slice(one("10.0.0.1", { nodeName: "N!", hostname: "a.b" }))) ?? [];
  assert.deepEqual(
    faults.map(({ field }) => field),
    ["endpoints[0].nodeName", "endpoints[0].hostname"],
  );
});

test("E13 endpoints that are stored already are not judged again", () => {
  const old = slice(one("010.0.0.1"));
  assert.equal(endpointSliceKind.validate?.(structuredClone(old), old).length, 0);
  assert.equal(endpointSliceKind.validate?.(structuredClone(old)).length, 1);
});

test("S16 ports get an empty name and TCP; conditions get no values", () => {
  const object = slice({ ...one("10.0.0.1"), ports: [{ port: 80 }] });
  assert.deepEqual(object.ports, [{ port: 80, name: "", protocol: "TCP" }]);
  assert.deepEqual(object.endpoints, [{ addresses: ["10.0.0.1"], conditions: {} }]);
});

test("E14 deprecatedTopology is not stored, unless it was and nothing changes", () => {
  const old = slice(one("10.0.0.1", { deprecatedTopology: { a: "b" } }));
  const same = structuredClone(old);
  endpointSliceKind.prepareForUpdate?.(same, old);
  assert.deepEqual(same.endpoints, old.endpoints);
  const other = slice(one("10.0.0.2", { deprecatedTopology: { a: "b" } }));
  for (const prepare of [endpointSliceKind.prepareForCreate, endpointSliceKind.prepareForUpdate]) {
    const written = structuredClone(other);
    prepare?.(written, old);
    assert.deepEqual(written.endpoints, [{ addresses: ["10.0.0.2"], conditions: {} }]);
  }
});

test("E12 the address type stays", () => {
  const faults = endpointSliceKind.validateUpdate?.(slice({ addressType: "IPv6" }), slice()) ?? [];
  assert.deepEqual(faults.map(formatFieldError), ['addressType: Invalid value: "IPv6": field is immutable']);
});

test("E11 endpoints, ports and labels raise the generation; annotations do not", () => {
  const old = slice();
  const raises = (fields: Partial<EndpointSlice>) => endpointSliceKind.raisesGeneration?.(slice(fields), old);
  assert.equal(raises({}), false);
  assert.equal(raises({ metadata: { ...old.metadata, annotations: { a: "b" } } }), false);
  assert.equal(raises({ metadata: { ...old.metadata, labels: { a: "b" } } }), true);
  assert.equal(raises(one("10.0.0.1")), true);
  assert.equal(raises({ ports: [{ port: 80 }] }), true);
});

test("S117 FQDN and odd addresses warn", () => {
  assert.deepEqual(endpointSliceKind.warnings?.(slice({ addressType: "FQDN", ...one("a.b") }), undefined), [
    "spec.addressType: FQDN endpoints are deprecated",
  ]);
  assert.deepEqual(endpointSliceKind.warnings?.(slice({ addressType: "IPv6", ...one("FD00::1") }), undefined), [
    `${a0}: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")`,
  ]);
});

const rows: readonly [fields: Partial<EndpointSlice>, row: string][] = [
  [{}, "web-abc | IPv4 | <unset> | <unset>"],
  [
    { ports: [{ name: "a", port: 80 }, { name: "b" }, { name: "" }], ...one("10.0.0.1") },
    "web-abc | IPv4 | 80,b,* | 10.0.0.1",
  ],
  [
    {
      ports: [1, 2, 3, 4, 5].map((port) => ({ name: `p${port}`, port })),
      endpoints: ["1", "2", "3", "4"].map((last) => ({ addresses: [`10.0.0.${last}`] })),
    },
    "web-abc | IPv4 | 1,2,3 + 2 more... | 10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...",
  ],
];

for (const [fields, wanted] of rows) {
  test(`the row ${wanted}`, () => {
    assert.equal(
      endpointSliceKind.columns
        .slice(0, 4)
        .map(({ cell }) => cell(slice(fields), 0))
        .join(" | "),
      wanted,
    );
  });
}
