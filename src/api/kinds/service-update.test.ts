import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../object.ts";
import { created, type Spec, service, texts, updated, updateFaults } from "./_service-fixture.ts";
import { serviceKind } from "./service.ts";
import { prepareServiceForUpdate } from "./service-update.ts";

const ip = { clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7"], ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" };
const dual = {
  clusterIP: "10.96.0.7",
  clusterIPs: ["10.96.0.7", "fd00::7"],
  ipFamilies: ["IPv4", "IPv6"],
  ipFamilyPolicy: "RequireDualStack",
};
const headless = { clusterIP: "None", clusterIPs: ["None"], ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" };
const nodePort: Spec = { ...ip, type: "NodePort", ports: [{ name: "http", port: 80, nodePort: 30080 }] };
const balancer: Spec = { ...nodePort, type: "LoadBalancer" };
const local: Spec = { ...balancer, externalTrafficPolicy: "Local", healthCheckNodePort: 30100 };
const external: Spec = { type: "ExternalName", externalName: "example.com", ports: [] };

/** `spec` as the client sends it whole, over what is stored. */
function put(old: Service, spec: Spec): Service {
  const object = { ...service(spec), ...(old.status && { status: old.status }) };
  serviceKind.setDefaults?.(object);
  prepareServiceForUpdate(object, old);
  return object;
}

test("S4 S65 a new Service loses its status and its one address fills the list", () => {
  const object = created({ clusterIP: "10.96.0.7" });
  assert.deepEqual(object.status, { loadBalancer: {} });
  assert.deepEqual(object.spec.clusterIPs, ["10.96.0.7"]);
});

test("S5 a new Service has no generation", () => {
  const object = service({});
  Object.assign(object.metadata, { generation: 1 });
  serviceKind.prepareForCreate?.(object);
  assert.equal("generation" in object.metadata, false);
});

const kept: readonly [name: string, old: Spec, sent: Spec, wanted: Record<string, unknown>][] = [
  ["addresses", ip, {}, { clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7"] }],
  ["both addresses", dual, {}, { clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7", "fd00::7"] }],
  ["the list, when only clusterIP is sent", dual, { clusterIP: "10.96.0.7" }, { clusterIPs: ["10.96.0.7", "fd00::7"] }],
  ["headlessness", headless, {}, { clusterIP: "None", clusterIPs: ["None"] }],
  [
    "a node port, by the port's name",
    nodePort,
    { type: "NodePort", ports: [{ name: "http", port: 8080 }] },
    { ports: [{ name: "http", port: 8080, nodePort: 30080, protocol: "TCP", targetPort: 8080 }] },
  ],
  [
    "a node port, over a change of type",
    nodePort,
    { type: "LoadBalancer", ports: [{ name: "http", port: 80 }] },
    { ports: [{ name: "http", port: 80, nodePort: 30080, protocol: "TCP", targetPort: 80 }] },
  ],
  [
    "no node port of another name",
    nodePort,
    { type: "NodePort", ports: [{ name: "web", port: 80 }] },
    { ports: [{ name: "web", port: 80, protocol: "TCP", targetPort: 80 }] },
  ],
  [
    "no node port that another port claims",
    nodePort,
    {
      type: "NodePort",
      ports: [
        { name: "http", port: 80 },
        { name: "b", port: 81, nodePort: 30080 },
      ],
    },
    {
      ports: [
        { name: "http", port: 80, protocol: "TCP", targetPort: 80 },
        { name: "b", port: 81, nodePort: 30080, protocol: "TCP", targetPort: 81 },
      ],
    },
  ],
  [
    "no node port that the balancer does not want (S83)",
    { ...balancer, allocateLoadBalancerNodePorts: false },
    { type: "LoadBalancer", allocateLoadBalancerNodePorts: false, ports: [{ name: "http", port: 80, nodePort: 0 }] },
    { ports: [{ name: "http", port: 80, protocol: "TCP", targetPort: 80 }] },
  ],
  [
    "the health check port",
    local,
    { type: "LoadBalancer", externalTrafficPolicy: "Local" },
    { healthCheckNodePort: 30100 },
  ],
  ["nothing of a former ExternalName", external, {}, { clusterIP: undefined, clusterIPs: undefined }],
];

for (const [name, old, sent, wanted] of kept) {
  test(`S67 an update keeps ${name}`, () => {
    const { spec } = put(created(old), sent);
    for (const [field, value] of Object.entries(wanted))
      assert.deepEqual(spec[field as keyof typeof spec], value, field);
  });
}

test("S66 a change of clusterIP alone changes the list, to be judged by validation", () => {
  const { spec } = updated(created(ip), (spec) => {
    spec.clusterIP = "10.96.0.8";
  });
  assert.deepEqual(spec.clusterIPs, ["10.96.0.8"]);
});

test("S66 clearing clusterIP on the way to ExternalName clears the list", () => {
  const { spec } = updated(created(ip), (spec) => {
    Object.assign(spec, external);
    spec.clusterIP = "";
  });
  const fields = ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"];
  assert.deepEqual(
    Object.keys(spec).filter((field) => fields.includes(field)),
    [],
  );
});

test("S12 S46 an ExternalName is stored without internalTrafficPolicy, unless it is a bad one", () => {
  const policyOf = (sent: Spec) => put(created(ip), { ...external, ...sent }).spec.internalTrafficPolicy;
  assert.equal(policyOf({}), undefined);
  assert.equal(policyOf({ internalTrafficPolicy: "Local" }), undefined);
  assert.equal(policyOf({ internalTrafficPolicy: "Near" }), "Near");
});

test("S66 S67 a PUT of a headless manifest over an address is a change of the address, not a missing list", () => {
  assert.deepEqual(put(created(ip), { clusterIP: "None" }).spec.clusterIPs, ["None"]);
});

test("S83 node ports outlive allocateLoadBalancerNodePorts, until they are written as 0", () => {
  const ports = (nodePort: number) => [{ name: "http", port: 80, nodePort }];
  const of = (nodePort: number) =>
    put(created(balancer), { ...balancer, allocateLoadBalancerNodePorts: false, ports: ports(nodePort) }).spec
      .ports?.[0];
  assert.equal(of(30080)?.nodePort, 30080);
  assert.equal(of(0)?.nodePort, undefined);
});

const transitions: readonly [name: string, old: Spec, change: Spec, wanted: Record<string, unknown>][] = [
  [
    "S101 NodePort to ClusterIP frees node ports",
    nodePort,
    { type: "ClusterIP" },
    {
      ports: [{ name: "http", port: 80, protocol: "TCP", targetPort: 80 }],
      externalTrafficPolicy: undefined,
      clusterIP: "10.96.0.7",
    },
  ],
  [
    "S101 S106 new node ports stay",
    nodePort,
    { type: "ClusterIP", ports: [{ name: "http", port: 80, nodePort: 30081 }] },
    { ports: [{ name: "http", port: 80, nodePort: 30081, protocol: "TCP", targetPort: 80 }] },
  ],
  [
    "S101 LoadBalancer to ExternalName",
    balancer,
    { type: "ExternalName", externalName: "a.b" },
    {
      ports: [{ name: "http", port: 80, protocol: "TCP", targetPort: 80 }],
      clusterIP: undefined,
      clusterIPs: undefined,
      ipFamilies: undefined,
      ipFamilyPolicy: undefined,
    },
  ],
  [
    "S102 LB + Local to NodePort frees the check port",
    local,
    { type: "NodePort" },
    { healthCheckNodePort: undefined, externalTrafficPolicy: "Local" },
  ],
  [
    "S102 S108 Local to Cluster frees the check port",
    local,
    { externalTrafficPolicy: "Cluster" },
    { healthCheckNodePort: undefined },
  ],
  [
    "S102 S106 a changed check port stays",
    local,
    { type: "NodePort", healthCheckNodePort: 30101 },
    { healthCheckNodePort: 30101 },
  ],
  [
    "S103 LoadBalancer to NodePort",
    { ...balancer, loadBalancerClass: "a/b", loadBalancerSourceRanges: ["10.0.0.0/8"] },
    { type: "NodePort" },
    {
      allocateLoadBalancerNodePorts: undefined,
      loadBalancerClass: undefined,
      loadBalancerSourceRanges: ["10.0.0.0/8"],
    },
  ],
  [
    "S103 S106 a changed class stays",
    { ...balancer, loadBalancerClass: "a/b" },
    { type: "NodePort", loadBalancerClass: "c/d" },
    { loadBalancerClass: "c/d" },
  ],
  [
    "S104 external IPs gone",
    { ...ip, externalIPs: ["192.0.2.1"] },
    { externalIPs: [] },
    { externalTrafficPolicy: undefined },
  ],
  [
    "S104 external IPs hold the policy",
    { ...nodePort, externalIPs: ["192.0.2.1"] },
    { type: "ClusterIP" },
    { externalTrafficPolicy: "Cluster" },
  ],
  [
    "S105 to ExternalName keeps selector, ports, external IPs",
    { ...ip, selector: { a: "b" }, externalIPs: ["192.0.2.1"] },
    { type: "ExternalName", externalName: "a.b" },
    {
      clusterIP: undefined,
      clusterIPs: undefined,
      selector: { a: "b" },
      externalIPs: ["192.0.2.1"],
      ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
    },
  ],
  [
    "S105 headless to ExternalName",
    headless,
    { type: "ExternalName", externalName: "a.b" },
    { clusterIP: undefined, clusterIPs: undefined },
  ],
  [
    "S106 a changed address stays",
    ip,
    { type: "ExternalName", externalName: "a.b", clusterIP: "10.96.0.8", clusterIPs: ["10.96.0.8"] },
    { clusterIP: "10.96.0.8", clusterIPs: ["10.96.0.8"] },
  ],
  [
    "S107 ClusterIP to NodePort keeps the address",
    ip,
    { type: "NodePort" },
    { clusterIP: "10.96.0.7", externalTrafficPolicy: "Cluster" },
  ],
  [
    "S107 NodePort to LoadBalancer keeps node ports",
    nodePort,
    { type: "LoadBalancer" },
    {
      clusterIP: "10.96.0.7",
      ports: [{ name: "http", port: 80, nodePort: 30080, protocol: "TCP", targetPort: 80 }],
      allocateLoadBalancerNodePorts: true,
    },
  ],
];

for (const [name, old, change, wanted] of transitions) {
  test(`prepareServiceForUpdate() ${name}`, () => {
    const { spec } = updated(created(old), (spec) => Object.assign(spec, change));
    for (const [field, value] of Object.entries(wanted))
      assert.deepEqual(spec[field as keyof typeof spec], value, field);
  });
}

test("S63 leaving LoadBalancer clears the balancer's status, and not the old object's", () => {
  const old = { ...created(balancer), status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } };
  const object = structuredClone(old);
  object.spec.type = "NodePort";
  prepareServiceForUpdate(object, old);
  assert.deepEqual(object.status, { loadBalancer: {} });
  assert.equal(old.status.loadBalancer.ingress.length, 1);
});

const once = "may not change once set";
/** A field that is undefined is taken away. */
type Change = { readonly [Field in keyof Spec]?: Spec[Field] | undefined };
const changes: readonly [name: string, old: Spec, change: Change, faults: readonly string[]][] = [
  ["nothing", dual, {}, []],
  [
    "S51 the address",
    ip,
    { clusterIP: "10.96.0.8", clusterIPs: ["10.96.0.8"] },
    [`spec.clusterIPs[0]: Invalid value: ["10.96.0.8"]: ${once}`],
  ],
  [
    "S51 the second address",
    dual,
    { clusterIPs: ["10.96.0.7", "fd00::8"] },
    [`spec.clusterIPs[1]: Invalid value: ["10.96.0.7","fd00::8"]: ${once}`],
  ],
  [
    "S51 releasing the second without the policy",
    dual,
    { clusterIPs: ["10.96.0.7"], ipFamilies: ["IPv4"] },
    [
      "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be set to 'SingleStack' when releasing the secondary clusterIP",
      "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be set to 'SingleStack' when releasing the secondary ipFamily",
    ],
  ],
  [
    "S51 releasing the second with the policy",
    dual,
    { clusterIPs: ["10.96.0.7"], ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" },
    [],
  ],
  [
    "S51 releasing the first",
    dual,
    { clusterIP: "fd00::7", clusterIPs: ["fd00::7"], ipFamilies: ["IPv6"], ipFamilyPolicy: "SingleStack" },
    [
      `spec.clusterIPs[0]: Invalid value: ["fd00::7"]: ${once}`,
      `spec.ipFamilies[0]: Invalid value: ["fd00::7"]: ${once}`,
    ],
  ],
  [
    "S51 adding the second",
    ip,
    { clusterIPs: ["10.96.0.7", "fd00::7"], ipFamilies: ["IPv4", "IPv6"], ipFamilyPolicy: "PreferDualStack" },
    [],
  ],
  [
    "S51 adding a new first",
    ip,
    {
      clusterIP: "fd00::7",
      clusterIPs: ["fd00::7", "10.96.0.7"],
      ipFamilies: ["IPv6", "IPv4"],
      ipFamilyPolicy: "PreferDualStack",
    },
    [
      `spec.clusterIPs[0]: Invalid value: ["fd00::7","10.96.0.7"]: ${once}`,
      `spec.ipFamilies[0]: Invalid value: ["fd00::7","10.96.0.7"]: ${once}`,
    ],
  ],
  [
    "S52 to headless",
    ip,
    { clusterIP: "None", clusterIPs: ["None"] },
    [`spec.clusterIPs[0]: Invalid value: ["None"]: ${once}`],
  ],
  [
    "S52 from headless",
    headless,
    { clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7"] },
    [`spec.clusterIPs[0]: Invalid value: ["10.96.0.7"]: ${once}`],
  ],
  ["S53 families of a headless one", headless, { ipFamilies: ["IPv6"] }, []],
  ["S51 S56 to ExternalName and its address goes", ip, { type: "ExternalName", externalName: "a.b" }, []],
  [
    "S56 from ExternalName",
    external,
    { type: "ClusterIP", ports: [{ port: 80 }], clusterIP: "10.96.0.9", clusterIPs: ["10.96.0.9"] },
    [],
  ],
  [
    "S54 a class is set late",
    balancer,
    { loadBalancerClass: "a/b" },
    [`spec.loadBalancerClass: Invalid value: "a/b": ${once}`],
  ],
  [
    "S54 a class is taken away",
    { ...balancer, loadBalancerClass: "a/b" },
    { loadBalancerClass: undefined },
    [`spec.loadBalancerClass: Invalid value: null: ${once}`],
  ],
  [
    "S54 a class is changed",
    { ...balancer, loadBalancerClass: "a/b" },
    { loadBalancerClass: "c/d" },
    [`spec.loadBalancerClass: Invalid value: "c/d": ${once}`],
  ],
  ["S54 a class together with the type", nodePort, { type: "LoadBalancer", loadBalancerClass: "a/b" }, []],
  [
    "S55 the check port",
    local,
    { healthCheckNodePort: 30101 },
    ["spec.healthCheckNodePort: Forbidden: field is immutable"],
  ],
  [
    "S56 what is free",
    ip,
    {
      selector: { a: "c" },
      sessionAffinity: "ClientIP",
      internalTrafficPolicy: "Local",
      externalIPs: ["192.0.2.1"],
      trafficDistribution: "PreferSameNode",
      ports: [{ port: 443 }],
    },
    [],
  ],
  [
    "S103 ranges that outlive their type",
    { ...balancer, loadBalancerSourceRanges: ["10.0.0.0/8"] },
    { type: "ClusterIP" },
    ["spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'"],
  ],
  [
    "S57 stored texts stay legal",
    { ...balancer, externalIPs: ["010.0.0.1"], loadBalancerSourceRanges: ["10.0.0.1/8"] },
    { selector: { a: "b" } },
    [],
  ],
  [
    "S57 new texts do not",
    { ...balancer, externalIPs: ["010.0.0.1"] },
    { externalIPs: ["010.0.0.1", "010.0.0.2"] },
    ['spec.externalIPs[1]: Invalid value: "010.0.0.2": must not have leading 0s'],
  ],
];

for (const [name, old, change, faults] of changes) {
  test(`validateServiceUpdate() ${name}`, () => {
    const found = updateFaults(created(old), (spec) => {
      Object.assign(spec, change);
      if ("loadBalancerClass" in change && change.loadBalancerClass === undefined) delete spec.loadBalancerClass;
    });
    assert.deepEqual(found, faults);
  });
}

type Ingress = NonNullable<NonNullable<NonNullable<Service["status"]>["loadBalancer"]>["ingress"]>[number];
const ingressPath = "status.loadBalancer.ingress";
const statuses: readonly [name: string, spec: Spec, ingress: Ingress[], faults: readonly string[]][] = [
  ["S58 of a balancer", balancer, [{ ip: "192.0.2.1", ipMode: "VIP" }], []],
  [
    "S58 of a NodePort",
    nodePort,
    [{ ip: "192.0.2.1", ipMode: "VIP" }],
    [`${ingressPath}: Forbidden: may only be used when \`spec.type\` is 'LoadBalancer'`],
  ],
  ["S58 empty, of a NodePort", nodePort, [], []],
  [
    "S59 no IP",
    balancer,
    [{ ip: "x", ipMode: "VIP" }],
    [`${ingressPath}[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)`],
  ],
  [
    "S59 an IP without its mode",
    balancer,
    [{ ip: "192.0.2.1" }],
    [`${ingressPath}[0].ipMode: Required value: must be specified when \`ip\` is set`],
  ],
  [
    "S59 a mode without an IP",
    balancer,
    [{ hostname: "a.b", ipMode: "VIP" }],
    [`${ingressPath}[0].ipMode: Forbidden: may not be specified when \`ip\` is not set`],
  ],
  ["S59 Proxy", balancer, [{ ip: "192.0.2.1", ipMode: "Proxy" }], []],
  [
    "S59 an unknown mode",
    balancer,
    [{ ip: "192.0.2.1", ipMode: "Odd" }],
    [`${ingressPath}[0].ipMode: Unsupported value: "Odd": supported values: "Proxy", "VIP"`],
  ],
  [
    "S59 an empty mode",
    balancer,
    [{ ip: "192.0.2.1", ipMode: "" }],
    [`${ingressPath}[0].ipMode: Unsupported value: "": supported values: "Proxy", "VIP"`],
  ],
  ["S60 a host name", balancer, [{ hostname: "lb.example.com" }], []],
  [
    "S60 an IP as host name",
    balancer,
    [{ hostname: "192.0.2.1" }],
    [`${ingressPath}[0].hostname: Invalid value: "192.0.2.1": must be a DNS name, not an IP address`],
  ],
  ["S60 an entry with neither", balancer, [{}], []],
];

for (const [name, spec, ingress, faults] of statuses) {
  test(`validateServiceStatusUpdate() ${name}`, () => {
    const old = created(spec);
    const object = { ...old, status: { loadBalancer: { ingress } } };
    assert.deepEqual(texts(serviceKind.validateStatusUpdate?.(object, old)), faults);
  });
}
