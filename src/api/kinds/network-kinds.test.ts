import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFieldError } from "../field-error.ts";
import { changeFaults, type Fields, faultsOf, made, row, titles } from "./_kind-fixture.ts";
import { ingressKind } from "./ingress.ts";
import { ingressClassKind } from "./ingress-class.ts";
import { ipAddressKind } from "./ip-address.ts";
import { networkPolicyKind } from "./network-policy.ts";
import { serviceCidrKind } from "./service-cidr.ts";

const backend = { service: { name: "web", port: { number: 80 } } };
const rule = (path: Fields, host = "a.example.com") => ({
  rules: [{ host, http: { paths: [{ path: "/", pathType: "Prefix", backend, ...path }] } }],
});
const at = "spec.rules[0].http.paths[0]";
const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

const ingresses: readonly (readonly [name: string, spec: Fields, ...faults: string[]])[] = [
  ["good", rule({})],
  ["only a default", { defaultBackend: backend }],
  ["a free path", rule({ path: "", pathType: "ImplementationSpecific" })],
  ["all hosts below one", rule({}, "*.example.com")],
  ["nothing", {}, "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"],
  ["no path type", rule({ pathType: undefined }), `${at}.pathType: Required value: pathType must be specified`],
  [
    "an odd path type",
    rule({ pathType: "Odd" }),
    `${at}.pathType: Unsupported value: "Odd": supported values: "Exact", "ImplementationSpecific", "Prefix"`,
  ],
  ["a relative path", rule({ path: "x" }), `${at}.path: Invalid value: "x": must be an absolute path`],
  [
    "a path that climbs",
    rule({ path: "/a/../b//c/.." }),
    `${at}.path: Invalid value: "/a/../b//c/..": must not contain '//'`,
    `${at}.path: Invalid value: "/a/../b//c/..": must not contain '/../'`,
    `${at}.path: Invalid value: "/a/../b//c/..": cannot end with '/..'`,
  ],
  [
    "an address as host",
    rule({}, "10.0.0.1"),
    'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
  ],
  ["a bad host", rule({}, "A_b"), `spec.rules[0].host: Invalid value: "A_b": ${subdomain}`],
  ["no paths", { rules: [{ http: { paths: [] } }] }, "spec.rules[0].http.paths: Required value"],
  ["no backend", rule({ backend: {} }), `${at}.backend: Invalid value: "": resource or service backend is required`],
  [
    "two backends",
    rule({ backend: { ...backend, resource: { kind: "A", name: "b" } } }),
    `${at}.backend: Invalid value: "": cannot set both resource and service backends`,
  ],
  [
    "two ports",
    rule({ backend: { service: { name: "web", port: { name: "http", number: 80 } } } }),
    `${at}.backend: Invalid value: "": cannot set both port name & port number`,
  ],
  [
    "no port",
    rule({ backend: { service: { name: "web" } } }),
    `${at}.backend: Required value: port name or number is required`,
  ],
  [
    "a bad port",
    rule({ backend: { service: { name: "web", port: { number: 70000 } } } }),
    `${at}.backend.service.port.number: Invalid value: 70000: must be between 1 and 65535, inclusive`,
  ],
  [
    "a resource without a name",
    rule({ backend: { resource: { kind: "a/b" } } }),
    `${at}.backend.resource.kind: Invalid value: "a/b": may not contain '/'`,
    `${at}.backend.resource.name: Required value`,
  ],
];

for (const [name, spec, ...faults] of ingresses) {
  test(`an Ingress with ${name}`, () => assert.deepEqual(faultsOf(ingressKind, { spec }), faults));
}

test("an Ingress names its class once", () => {
  const annotated = (spec: Fields) =>
    made(ingressKind, { spec: { ...rule({}), ...spec } }, { annotations: { "kubernetes.io/ingress.class": "a" } });
  assert.deepEqual(ingressKind.validate?.(annotated({ ingressClassName: "b" })).map(formatFieldError), [
    'annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are specified',
  ]);
  assert.deepEqual(ingressKind.warnings?.(annotated({}), undefined), [
    `annotation "kubernetes.io/ingress.class" is deprecated, please use 'spec.ingressClassName' instead`,
  ]);
  assert.deepEqual(ingressKind.warnings?.(annotated({}), annotated({})), []);
});

test("an Ingress's status names addresses", () => {
  const object = made(ingressKind, { spec: rule({}) });
  const withStatus = { ...object, status: { loadBalancer: { ingress: [{ ip: "1.2.3" }, { hostname: "1.2.3.4" }] } } };
  assert.deepEqual(ingressKind.validateStatusUpdate?.(withStatus, object).map(formatFieldError), [
    'status.loadBalancer.ingress[0].ip: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    'status.loadBalancer.ingress[1].hostname: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
  ]);
  assert.deepEqual(ingressKind.validateStatusUpdate?.(withStatus, withStatus).length, 1);
});

test("Ingress columns", () => {
  assert.equal(titles(ingressKind), "Name, Class, Hosts, Address, Ports, Age");
  const hosts = ["a.b", "b.b", "c.b", "d.b"].map((host) => ({ host }));
  const object = made(ingressKind, { spec: { ingressClassName: "x", rules: hosts, tls: [{}] } });
  const status = { loadBalancer: { ingress: [{ ip: "1.2.3.4" }, { hostname: "lb.example.com" }] } };
  assert.equal(
    row(ingressKind, { ...object, status }),
    "one | x | a.b,b.b,c.b + 1 more... | 1.2.3.4,lb.example.com | 80, 443 | 60s",
  );
  assert.equal(row(ingressKind, made(ingressKind, {})), "one | <none> | * |  | 80 | 60s");
  const anyHost = made(ingressKind, { spec: { rules: [...hosts.slice(0, 3), {}] } });
  assert.match(row(ingressKind, anyHost), /^one \| <none> \| a\.b,b\.b,c\.b \+ 1 more\.\.\. /);
});

const controller = "example.com/lb";
const classes: readonly (readonly [name: string, spec: Fields, ...faults: string[]])[] = [
  ["good", { controller, parameters: { kind: "A", name: "b" } }],
  ["no controller", {}, "spec.controller: Required value"],
  [
    "no domain",
    { controller: "lb" },
    'spec.controller: Invalid value: "lb": must be a domain-prefixed path (such as "acme.io/foo")',
  ],
  [
    "parameters of no namespace",
    { controller, parameters: { kind: "A", name: "b", scope: "Namespace" } },
    "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'",
  ],
  [
    "cluster parameters of a namespace",
    { controller, parameters: { kind: "A", name: "b", namespace: "c" } },
    "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'",
  ],
];

for (const [name, spec, ...faults] of classes) {
  test(`an IngressClass with ${name}`, () => assert.deepEqual(faultsOf(ingressClassKind, { spec }), faults));
}

test("an IngressClass keeps its controller", () => {
  const [old, other] = [controller, "A/c"].map((controller) => made(ingressClassKind, { spec: { controller } }));
  const [first, ...more] = (other && ingressClassKind.validate?.(other, old)) ?? [];
  assert.deepEqual(
    [first?.detail, more.length],
    ['Invalid value: "A/c": field is immutable', 1],
    "the change is named before what is wrong with the new one",
  );
  const parameters = { apiGroup: "k.io", kind: "A", name: "b" };
  assert.equal(
    row(ingressClassKind, made(ingressClassKind, { spec: { controller, parameters } })),
    "one | example.com/lb | A.k.io/b | 60s",
  );
  const chosen = made(ingressClassKind, { spec: { controller } });
  Object.assign(chosen.metadata, { annotations: { "ingressclass.kubernetes.io/is-default-class": "true" } });
  assert.equal(row(ingressClassKind, chosen), "one (default) | example.com/lb | <none> | 60s");
});

test("NetworkPolicy defaults and columns", () => {
  const object = made(networkPolicyKind, {
    spec: { podSelector: { matchLabels: { a: "b" } }, egress: [{ ports: [{ port: 53 }] }] },
  });
  assert.deepEqual(object.spec.policyTypes, ["Ingress", "Egress"]);
  assert.deepEqual(object.spec.egress?.[0]?.ports, [{ port: 53, protocol: "TCP" }]);
  assert.deepEqual(made(networkPolicyKind, {}).spec.policyTypes, ["Ingress"]);
  assert.equal(titles(networkPolicyKind), "Name, Pod-Selector, Age");
  assert.equal(row(networkPolicyKind, object), "one | a=b | 60s");
  assert.equal(row(networkPolicyKind, made(networkPolicyKind, {})), "one | <none> | 60s");
});

const ingress = (one: Fields) => ({ ingress: [one] });
const policies: readonly (readonly [name: string, spec: Fields, ...faults: string[]])[] = [
  ["good", ingress({ from: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] } }], ports: [{ port: 80 }] })],
  ["an empty peer", ingress({ from: [{}] }), "spec.ingress[0].from[0]: Required value: must specify a peer"],
  [
    "two peers in one",
    ingress({ from: [{ podSelector: {}, ipBlock: { cidr: "10.0.0.0/8" } }] }),
    "spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer",
  ],
  [
    "an exception from elsewhere",
    { egress: [{ to: [{ ipBlock: { cidr: "10.0.0.0/8", except: ["11.0.0.0/16"] } }] }] },
    'spec.egress[0].to[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
  ],
  ["no range", ingress({ from: [{ ipBlock: {} }] }), "spec.ingress[0].from[0].ipBlock.cidr: Required value"],
  [
    "an odd protocol",
    ingress({ ports: [{ protocol: "ICMP" }] }),
    'spec.ingress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"',
  ],
  [
    "ports that end before they begin",
    ingress({ ports: [{ port: 80, endPort: 70 }] }),
    "spec.ingress[0].ports[0].endPort: Invalid value: 70: must be greater than or equal to `port`",
  ],
  [
    "an end to a name",
    ingress({ ports: [{ port: "http", endPort: 70 }] }),
    "spec.ingress[0].ports[0].endPort: Invalid value: 70: may not be specified when `port` is non-numeric",
  ],
  [
    "an odd type",
    { policyTypes: ["Odd"] },
    'spec.policyTypes[0]: Unsupported value: "Odd": supported values: "Ingress", "Egress"',
  ],
];

for (const [name, spec, ...faults] of policies) {
  test(`a NetworkPolicy with ${name}`, () => {
    assert.deepEqual(faultsOf(networkPolicyKind, { spec: { podSelector: {}, ...spec } }), faults);
  });
}

test("a NetworkPolicy that is stored keeps its old ranges", () => {
  const object = made(networkPolicyKind, { spec: ingress({ from: [{ ipBlock: { cidr: "010.0.0.0/8" } }] }) });
  assert.equal(networkPolicyKind.validate?.(object).length, 1);
  assert.deepEqual(networkPolicyKind.validate?.(object, structuredClone(object)), []);
});

const ranges: readonly (readonly [name: string, cidrs: readonly string[], ...faults: string[]])[] = [
  ["one family", ["10.96.0.0/16"]],
  ["two families", ["10.96.0.0/16", "fd00::/112"]],
  ["nothing (S97)", [], "spec.cidrs: Required value: at least one CIDR required"],
  [
    "one family twice (S97)",
    ["10.96.0.0/16", "10.97.0.0/16"],
    'spec.cidrs: Invalid value: ["10.96.0.0/16","10.97.0.0/16"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
  ],
  [
    "host bits (S97)",
    ["10.96.0.1/16"],
    'spec.cidrs[0]: Invalid value: "10.96.0.1/16": must not have bits set beyond the prefix length',
  ],
  [
    "another spelling (S97)",
    ["FD00::/112"],
    'spec.cidrs[0]: Invalid value: "FD00::/112": must be in canonical form ("fd00::/112")',
  ],
];

for (const [name, cidrs, ...faults] of ranges) {
  test(`S97 a ServiceCIDR of ${name}`, () => assert.deepEqual(faultsOf(serviceCidrKind, { spec: { cidrs } }), faults));
}

test("S97 a ServiceCIDR only gains a family", () => {
  const [a, b, c] = ["10.96.0.0/16", "fd00::/112", "10.97.0.0/16"];
  const change = (before: readonly string[], after: readonly string[]) =>
    changeFaults(serviceCidrKind, { spec: { cidrs: before } }, { spec: { cidrs: after } });
  assert.deepEqual(change([a], [a, b]), []);
  assert.deepEqual(change([a], [c]), ['spec.cidrs[0]: Invalid value: "10.97.0.0/16": field is immutable']);
  assert.deepEqual(change([a], [b, a]), ['spec.cidrs[0]: Invalid value: "fd00::/112": field is immutable']);
  assert.deepEqual(change([a, b], [a]), ['spec.cidrs: Invalid value: ["10.96.0.0/16"]: field is immutable']);
  const object = made(serviceCidrKind, { spec: { cidrs: [a, b] } });
  assert.equal(titles(serviceCidrKind), "Name, CIDRs, Age");
  assert.equal(row(serviceCidrKind, object), "one | 10.96.0.0/16,fd00::/112 | 60s");
});

test("S96 an IPAddress is named by its address, in its only form", () => {
  const names: readonly (readonly [name: string, ...faults: string[]])[] = [
    ["10.96.0.1"],
    ["fd00::1"],
    ["10.96.0.01", "must not have leading 0s"],
    ["FD00::1", 'must be in canonical form ("fd00::1")'],
    ["::ffff:10.0.0.1", "must not be an IPv4-mapped IPv6 address"],
    ["web", "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"],
  ];
  for (const [name, ...faults] of names) assert.deepEqual(ipAddressKind.validateName?.(name, false), faults, name);
});

test("S96 an IPAddress belongs to one object", () => {
  const parentRef = { group: "", resource: "services", namespace: "default", name: "web" };
  assert.deepEqual(faultsOf(ipAddressKind, { spec: { parentRef } }), []);
  assert.deepEqual(faultsOf(ipAddressKind, {}), ["spec.parentRef: Required value"]);
  assert.deepEqual(faultsOf(ipAddressKind, { spec: { parentRef: { resource: "a/b" } } }), [
    "spec.parentRef.resource: Invalid value: \"a/b\": may not contain '/'",
    "spec.parentRef.name: Required value",
  ]);
  const other = { ...parentRef, name: "db" };
  assert.equal(changeFaults(ipAddressKind, { spec: { parentRef } }, { spec: { parentRef: other } }).length, 1);
  assert.equal(titles(ipAddressKind), "Name, ParentRef");
  assert.equal(row(ipAddressKind, made(ipAddressKind, { spec: { parentRef } })), "one | services/default/web");
});
