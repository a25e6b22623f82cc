import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSubset } from "kubernetes-types/core/v1";
import { formatFieldError } from "../field-error.ts";
import type { Endpoints } from "../object.ts";
import { endpointsKind } from "./endpoints.ts";

function endpoints(subsets: EndpointSubset[], annotations?: Record<string, string>): Endpoints {
  const metadata = { name: "web", namespace: "default", ...(annotations && { annotations }) };
  const object: Endpoints = { apiVersion: "v1", kind: "Endpoints", metadata, subsets: structuredClone(subsets) };
  endpointsKind.setDefaults?.(object);
  return object;
}

const good = [{ ip: "10.244.0.2" }];
const notIp = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const trigger = "endpoints.kubernetes.io/last-change-trigger-time";
const rules: readonly [name: string, subsets: EndpointSubset[], faults: readonly string[]][] = [
  ["addresses", [{ addresses: good, ports: [{ port: 80 }] }], []],
  [
    "no addresses",
    [{ ports: [{ port: 80 }] }],
    ["subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"],
  ],
  ["addresses that are not ready", [{ notReadyAddresses: good }], []],
  [
    "no IP",
    [{ addresses: [{ ip: "web" }] }],
    [
      `subsets[0].addresses[0].ip: Invalid value: "web": ${notIp}`,
      'subsets[0].addresses[0].ip: Invalid value: "web": must be a valid IP address',
    ],
  ],
  [
    "a loopback address",
    [{ notReadyAddresses: [{ ip: "127.0.0.1" }] }],
    [
      'subsets[0].notReadyAddresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
  ],
  [
    "two nameless ports",
    [{ addresses: good, ports: [{ port: 80 }, { port: 81 }] }],
    ["subsets[0].ports[0].name: Required value", "subsets[0].ports[1].name: Required value"],
  ],
  [
    "port 0",
    [{ addresses: good, ports: [{ port: 0 }] }],
    ["subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"],
  ],
  [
    "an unknown protocol",
    [{ addresses: good, ports: [{ port: 80, protocol: "X" }] }],
    ['subsets[0].ports[0].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"'],
  ],
];

for (const [name, subsets, faults] of rules) {
  test(`E1 validate() Endpoints with ${name}`, () => {
    assert.deepEqual(endpointsKind.validate?.(endpoints(subsets)).map(formatFieldError), faults);
  });
}

test("E1 subsets that are stored already are not judged again", () => {
  const old = endpoints([{ addresses: [{ ip: "127.0.0.1" }] }]);
  assert.equal(endpointsKind.validate?.(structuredClone(old), old).length, 0);
  assert.equal(endpointsKind.validate?.(structuredClone(old)).length, 1);
  const more = endpoints([...(old.subsets ?? []), { addresses: good }]);
  assert.equal(endpointsKind.validate?.(more, old).length, 1, "all of them are, when one is new");
});

test("E1 the time of the last change may be any text", () => {
  assert.deepEqual(endpointsKind.validate?.(endpoints([], { [trigger]: "yesterday" })), []);
});

test("E2 subsets are stored as they are written; only the controller merges what it makes", () => {
  const subsets: EndpointSubset[] = [
    { addresses: [{ ip: "10.0.0.3" }], ports: [{ port: 80, protocol: "TCP" }] },
    { notReadyAddresses: [{ ip: "10.0.0.3" }, { ip: "10.0.0.1" }], ports: [{ port: 80, protocol: "TCP" }] },
  ];
  const object = endpoints(subsets);
  endpointsKind.prepareForCreate?.(object);
  endpointsKind.prepareForUpdate?.(object, endpoints([]));
  assert.deepEqual(object.subsets, subsets);
});

test("S117 every answer warns, and odd addresses do", () => {
  assert.equal(
    endpointsKind.deprecation,
    "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
  );
  assert.deepEqual(endpointsKind.warnings?.(endpoints([{ addresses: [{ ip: "FD00::1" }] }]), undefined), [
    'subsets[0].addresses[0].ip: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")',
  ]);
});

const addresses = (...ips: string[]) => ips.map((ip) => ({ ip }));
const cells: readonly [name: string, subsets: EndpointSubset[], cell: string][] = [
  ["nothing", [], "<none>"],
  ["only addresses that are not ready", [{ notReadyAddresses: good, ports: [{ port: 80 }] }], "<none>"],
  ["addresses without ports", [{ addresses: addresses("10.0.0.1", "10.0.0.2") }], "10.0.0.1,10.0.0.2"],
  [
    "both families",
    [{ addresses: addresses("10.0.0.1", "fd00::1"), ports: [{ port: 80 }] }],
    "10.0.0.1:80,[fd00::1]:80",
  ],
  [
    "more than three",
    [{ addresses: addresses("10.0.0.1", "10.0.0.2"), ports: [{ port: 80 }, { port: 81 }] }],
    "10.0.0.1:80,10.0.0.2:80,10.0.0.1:81 + 1 more...",
  ],
];

for (const [name, subsets, wanted] of cells) {
  test(`the cell of Endpoints with ${name}`, () => {
    assert.equal(endpointsKind.columns[1]?.cell(endpoints(subsets), 0), wanted);
  });
}
