import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../object.ts";
import { created, type Spec } from "./_service-fixture.ts";
import { serviceKind } from "./service.ts";

const now = Date.parse("2026-01-01T01:00:00Z");

function row(spec: Spec, ingress?: readonly { ip?: string; hostname?: string }[]): string {
  const object = created(spec);
  Object.assign(object.metadata, { creationTimestamp: "2026-01-01T00:00:00Z" });
  if (ingress) Object.assign(object, { status: { loadBalancer: { ingress } } });
  return serviceKind.columns.map(({ cell }) => cell(object, now)).join(" | ");
}

const rows: readonly [name: string, row: string, wanted: string][] = [
  [
    "ClusterIP",
    row({ clusterIP: "10.96.0.7", selector: { b: "2", a: "1" } }),
    "web | ClusterIP | 10.96.0.7 | <none> | 80/TCP | 60m | a=1,b=2",
  ],
  ["not yet allocated", row({}), "web | ClusterIP | <none> | <none> | 80/TCP | 60m | <none>"],
  [
    "headless without ports",
    row({ clusterIP: "None", ports: [] }),
    "web | ClusterIP | None | <none> | <none> | 60m | <none>",
  ],
  [
    "NodePort",
    row({
      type: "NodePort",
      clusterIP: "10.96.0.7",
      ports: [
        { name: "a", port: 80, nodePort: 30080 },
        { name: "b", port: 53, protocol: "UDP" },
      ],
    }),
    "web | NodePort | 10.96.0.7 | <none> | 80:30080/TCP,53/UDP | 60m | <none>",
  ],
  [
    "external IPs",
    row({ clusterIP: "10.96.0.7", externalIPs: ["192.0.2.1", "192.0.2.2"] }),
    "web | ClusterIP | 10.96.0.7 | 192.0.2.1,192.0.2.2 | 80/TCP | 60m | <none>",
  ],
  [
    "a balancer that waits",
    row({ type: "LoadBalancer", clusterIP: "10.96.0.7" }),
    "web | LoadBalancer | 10.96.0.7 | <pending> | 80/TCP | 60m | <none>",
  ],
  [
    "a balancer",
    row({ type: "LoadBalancer", clusterIP: "10.96.0.7", externalIPs: ["192.0.2.9"] }, [
      { ip: "192.0.2.5" },
      { hostname: "a.example.com" },
      { ip: "192.0.2.4" },
    ]),
    "web | LoadBalancer | 10.96.0.7 | 192.0.2.4,192.0.2.5,a.example.com,192.0.2.9 | 80/TCP | 60m | <none>",
  ],
  [
    "ExternalName",
    row({ type: "ExternalName", externalName: "db.example.com", ports: [] }),
    "web | ExternalName | <none> | db.example.com | <none> | 60m | <none>",
  ],
];

for (const [name, found, wanted] of rows) {
  test(`S7 the row of ${name}`, () => assert.equal(found, wanted));
}

test("S7 the columns have Kubernetes's names, and only Selector is wide", () => {
  assert.deepEqual(
    serviceKind.columns.map(({ name, priority }) => `${name}${priority ? "*" : ""}`),
    ["Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector*"],
  );
});

test("S2 field selectors read spec.clusterIP and spec.type", () => {
  const object = created({ clusterIP: "10.96.0.7", type: "NodePort" });
  const values = Object.entries(serviceKind.fieldSelectors ?? {}).map(([field, read]) => `${field}=${read(object)}`);
  assert.deepEqual(values, ["spec.clusterIP=10.96.0.7", "spec.type=NodePort"]);
});

const deprecated = "spec.externalIPs is deprecated and may no longer be implemented in some clusters";
const warnings: readonly [
  name: string,
  spec: Spec,
  warnings: readonly string[],
  annotations?: Record<string, string>,
][] = [
  ["nothing odd", { clusterIP: "10.96.0.7" }, []],
  [
    "S113 the old annotation",
    {},
    [
      "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead",
    ],
    { "service.kubernetes.io/topology-aware-hints": "Auto" },
  ],
  [
    "S114 a headless Service",
    { clusterIP: "None", loadBalancerIP: "192.0.2.1", externalIPs: ["192.0.2.2"], sessionAffinity: "ClientIP" },
    [
      "spec.loadBalancerIP is ignored for headless services",
      "spec.externalIPs is ignored for headless services",
      "spec.SessionAffinity is ignored for headless services",
    ],
  ],
  [
    "S115 long IPv6",
    { clusterIP: "fd00:0:0:0:0:0:0:7" },
    ['spec.clusterIPs[0]: IPv6 address "fd00:0:0:0:0:0:0:7" should be in RFC 5952 canonical format ("fd00::7")'],
  ],
  [
    "S115 leading zeros",
    { type: "LoadBalancer", loadBalancerIP: "010.0.0.1" },
    ['spec.loadBalancerIP: non-standard IP address "010.0.0.1" is invalid: use "10.0.0.1"'],
  ],
  ["S115 a loadBalancerIP that is none", { type: "LoadBalancer", loadBalancerIP: "soon" }, []],
  [
    "S115 host bits",
    { type: "LoadBalancer", loadBalancerSourceRanges: ["10.0.0.1/8"] },
    [
      'spec.loadBalancerSourceRanges[0]: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)',
    ],
  ],
  [
    "S115 a long IPv6 range",
    { type: "LoadBalancer", loadBalancerSourceRanges: ["FD00::/8"] },
    [
      'spec.loadBalancerSourceRanges[0]: IPv6 CIDR value "FD00::/8" should be in RFC 5952 canonical format ("fd00::/8")',
    ],
  ],
  ["S116 external IPs", { externalIPs: ["192.0.2.1"] }, [deprecated]],
  [
    "S116 external IPs of an ExternalName",
    { type: "ExternalName", externalName: "a.b", externalIPs: ["192.0.2.1"] },
    ['spec.externalIPs is ignored when spec.type is "ExternalName"'],
  ],
  [
    "S116 externalName of another type",
    { externalName: "a.b" },
    ['spec.externalName is ignored when spec.type is not "ExternalName"'],
  ],
  [
    "S116 PreferClose",
    { trafficDistribution: "PreferClose" },
    ['spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'],
  ],
  ["S116 PreferSameZone", { trafficDistribution: "PreferSameZone" }, []],
];

for (const [name, spec, wanted, annotations] of warnings) {
  test(`serviceWarnings() ${name}`, () => {
    const object: Service = created(spec, annotations);
    assert.deepEqual(serviceKind.warnings?.(object, undefined), wanted);
  });
}
