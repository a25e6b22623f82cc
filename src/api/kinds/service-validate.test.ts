import assert from "node:assert/strict";
import { test } from "node:test";
import { checkDnsLabel, checkDnsSubdomain, checkPortName, checkQualifiedName } from "../names.ts";
import { type Annotations, created, createFaults, type Spec, texts } from "./_service-fixture.ts";
import { serviceKind } from "./service.ts";

type Case = readonly [name: string, spec: Spec, faults: readonly string[], annotations?: Annotations];

/** The texts about a bad name are judged where names are; here it matters which check is asked, and where. */
const bad = (field: string, value: string, check: (value: string) => string[]) =>
  check(value).map((fault) => `${field}: Invalid value: ${JSON.stringify(value)}: ${fault}`);

const local = { type: "LoadBalancer", externalTrafficPolicy: "Local" };
const dual = { clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7", "fd00::7"] };
const hints = "service.kubernetes.io/topology-aware-hints";
const mode = "service.kubernetes.io/topology-mode";
const ranges = "service.beta.kubernetes.io/load-balancer-source-ranges";
const notIp = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const notCidr = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
const onlyLoadBalancer = "Forbidden: may only be used when `type` is 'LoadBalancer'";
const notAccessible = "may only be set for externally-accessible services";
const notLocal = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
const pair = (protocol: string, port: number) =>
  `{"Name":"","Protocol":"${protocol}","AppProtocol":null,"Port":${port},"TargetPort":0,"NodePort":0}`;

const metadata: readonly Case[] = [
  ["S18 equal annotations", {}, [], { [hints]: "Auto", [mode]: "Auto" }],
  ["S18 one annotation", {}, [], { [mode]: "Auto" }],
  [
    "S18 different annotations",
    {},
    [`metadata.annotations[${mode}]: Invalid value: "Auto": must match annotations[${hints}] when both are specified`],
    { [hints]: "auto", [mode]: "Auto" },
  ],
];

const ports: readonly Case[] = [
  ["S19 no ports", { ports: [] }, ["spec.ports: Required value"]],
  ["S19 headless without ports", { ports: [], clusterIP: "None" }, []],
  ["S19 ExternalName without ports", { ports: [], type: "ExternalName", externalName: "example.com" }, []],
  ["S20 one nameless port", { ports: [{ port: 80 }] }, []],
  [
    "S20 two nameless ports",
    { ports: [{ port: 80 }, { port: 81 }] },
    ["spec.ports[0].name: Required value", "spec.ports[1].name: Required value"],
  ],
  ["S20 one name missing", { ports: [{ name: "a", port: 80 }, { port: 81 }] }, ["spec.ports[1].name: Required value"]],
  [
    "S20 the same name twice",
    {
      ports: [
        { name: "a", port: 80 },
        { name: "a", port: 81 },
      ],
    },
    ['spec.ports[1].name: Duplicate value: "a"'],
  ],
  ["S20 a name of capitals", { ports: [{ name: "HTTP", port: 80 }] }, bad("spec.ports[0].name", "HTTP", checkDnsLabel)],
  ["S20 a name of 63 characters", { ports: [{ name: "a".repeat(63), port: 80 }] }, []],
  [
    "S20 a name of 64 characters",
    { ports: [{ name: "a".repeat(64), port: 80 }] },
    bad("spec.ports[0].name", "a".repeat(64), checkDnsLabel),
  ],
  ["S21 port 1", { ports: [{ port: 1 }] }, []],
  ["S21 port 65535", { ports: [{ port: 65535 }] }, []],
  [
    "S21 port 0",
    { ports: [{ port: 0, targetPort: 80 }] },
    ["spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"],
  ],
  [
    "S21 port 65536",
    { ports: [{ port: 65536, targetPort: 80 }] },
    ["spec.ports[0].port: Invalid value: 65536: must be between 1 and 65535, inclusive"],
  ],
  [
    "S21 port -1",
    { ports: [{ port: -1, targetPort: 80 }] },
    ["spec.ports[0].port: Invalid value: -1: must be between 1 and 65535, inclusive"],
  ],
  ["S21 SCTP", { ports: [{ port: 80, protocol: "SCTP" }] }, []],
  [
    "S21 a protocol in small letters",
    { ports: [{ port: 80, protocol: "tcp" }] },
    ['spec.ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"'],
  ],
  ["S21 a target name", { ports: [{ port: 80, targetPort: "http-alt" }] }, []],
  ["S21 a target name of 15 characters", { ports: [{ port: 80, targetPort: "a".repeat(15) }] }, []],
  [
    "S21 a target name of 16 characters",
    { ports: [{ port: 80, targetPort: "a".repeat(16) }] },
    bad("spec.ports[0].targetPort", "a".repeat(16), checkPortName),
  ],
  [
    "S21 a target of digits as text",
    { ports: [{ port: 80, targetPort: "80" }] },
    bad("spec.ports[0].targetPort", "80", checkPortName),
  ],
  [
    "S21 a target with two dashes",
    { ports: [{ port: 80, targetPort: "a--b" }] },
    bad("spec.ports[0].targetPort", "a--b", checkPortName),
  ],
  [
    "S21 a target that starts with a dash",
    { ports: [{ port: 80, targetPort: "-a" }] },
    bad("spec.ports[0].targetPort", "-a", checkPortName),
  ],
  [
    "S21 a target of capitals",
    { ports: [{ port: 80, targetPort: "Http" }] },
    bad("spec.ports[0].targetPort", "Http", checkPortName),
  ],
  [
    "S21 target 65536",
    { ports: [{ port: 80, targetPort: 65536 }] },
    ["spec.ports[0].targetPort: Invalid value: 65536: must be between 1 and 65535, inclusive"],
  ],
  [
    "S21 target -1",
    { ports: [{ port: 80, targetPort: -1 }] },
    ["spec.ports[0].targetPort: Invalid value: -1: must be between 1 and 65535, inclusive"],
  ],
  ["S22 a plain application protocol", { ports: [{ port: 80, appProtocol: "http" }] }, []],
  ["S22 a prefixed application protocol", { ports: [{ port: 80, appProtocol: "kubernetes.io/h2c" }] }, []],
  [
    "S22 a bad application protocol",
    { ports: [{ port: 80, appProtocol: "h t" }] },
    bad("spec.ports[0].appProtocol", "h t", checkQualifiedName),
  ],
  [
    "S22 an empty application protocol",
    { ports: [{ port: 80, appProtocol: "" }] },
    bad("spec.ports[0].appProtocol", "", checkQualifiedName),
  ],
  [
    "S23 the same number for TCP and UDP",
    {
      ports: [
        { name: "t", port: 53 },
        { name: "u", port: 53, protocol: "UDP" },
      ],
    },
    [],
  ],
  [
    "S23 the same pair twice",
    {
      ports: [
        { name: "a", port: 80 },
        { name: "b", port: 80 },
      ],
    },
    [`spec.ports[1]: Duplicate value: ${pair("TCP", 80)}`],
  ],
  [
    "S23 the same pair thrice",
    {
      ports: [
        { name: "a", port: 80 },
        { name: "b", port: 80 },
        { name: "c", port: 80 },
      ],
    },
    [`spec.ports[1]: Duplicate value: ${pair("TCP", 80)}`, `spec.ports[2]: Duplicate value: ${pair("TCP", 80)}`],
  ],
  [
    "S23 the same node port for TCP and UDP",
    {
      type: "NodePort",
      ports: [
        { name: "t", port: 53, nodePort: 30053 },
        { name: "u", port: 53, protocol: "UDP", nodePort: 30053 },
      ],
    },
    [],
  ],
  [
    "S23 the same node port twice",
    {
      type: "NodePort",
      ports: [
        { name: "a", port: 80, nodePort: 30080 },
        { name: "b", port: 81, nodePort: 30080 },
      ],
    },
    ["spec.ports[1].nodePort: Duplicate value: 30080"],
  ],
  [
    "S23 node port 0 twice",
    {
      type: "NodePort",
      ports: [
        { name: "a", port: 80, nodePort: 0 },
        { name: "b", port: 81, nodePort: 0 },
      ],
    },
    [],
  ],
  [
    "S24 a node port of a ClusterIP",
    { ports: [{ port: 80, nodePort: 30080 }] },
    ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
  ],
  [
    "S24 a node port of an ExternalName",
    { type: "ExternalName", externalName: "a.b", ports: [{ port: 80, nodePort: 30080 }] },
    [],
  ],
  ["S25 the range of node ports is not judged here", { type: "NodePort", ports: [{ port: 80, nodePort: 1 }] }, []],
];

const types: readonly Case[] = [
  ["S26 a selector", { selector: { app: "web", "example.com/tier": "" } }, []],
  ["S26 an empty selector", { selector: {} }, []],
  ["S26 a bad key", { selector: { "a b": "c" } }, bad("spec.selector", "a b", checkQualifiedName)],
  [
    "S27 an unknown type",
    { type: "Odd" },
    ['spec.type: Unsupported value: "Odd": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'],
  ],
  [
    "S28 a headless NodePort",
    { type: "NodePort", clusterIP: "None" },
    ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"],
  ],
  [
    "S28 a headless LoadBalancer",
    { type: "LoadBalancer", clusterIP: "None" },
    ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for LoadBalancer services"],
  ],
  ["S29 ExternalName without a name", { type: "ExternalName" }, ["spec.externalName: Required value"]],
  ["S29 a name", { type: "ExternalName", externalName: "db.example.com" }, []],
  ["S29 a name with a trailing dot", { type: "ExternalName", externalName: "db.example.com." }, []],
  ["S29 a name of one dot", { type: "ExternalName", externalName: "." }, ["spec.externalName: Required value"]],
  [
    "S29 a name with two trailing dots",
    { type: "ExternalName", externalName: "a.." },
    bad("spec.externalName", "a.", checkDnsSubdomain),
  ],
  ["S29 an IPv4 address passes", { type: "ExternalName", externalName: "192.0.2.1" }, []],
  [
    "S29 an IPv6 address does not",
    { type: "ExternalName", externalName: "2001:db8::1" },
    bad("spec.externalName", "2001:db8::1", checkDnsSubdomain),
  ],
  [
    "S29 capitals",
    { type: "ExternalName", externalName: "DB.example.com" },
    bad("spec.externalName", "DB.example.com", checkDnsSubdomain),
  ],
  [
    "S29 ExternalName with an address",
    { type: "ExternalName", externalName: "a.b", clusterIP: "10.96.0.7" },
    ["spec.clusterIPs: Forbidden: may not be set for ExternalName services"],
  ],
  [
    "S29 a headless ExternalName",
    { type: "ExternalName", externalName: "a.b", clusterIP: "None" },
    ["spec.clusterIPs: Forbidden: may not be set for ExternalName services"],
  ],
  [
    "S29 ExternalName with families",
    { type: "ExternalName", externalName: "a.b", ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" },
    [
      "spec.ipFamilies: Forbidden: may not be set for ExternalName services",
      "spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services",
    ],
  ],
  ["S30 externalName of another type", { externalName: "!" }, []],
];

const affinity: readonly Case[] = [
  ["S31 ClientIP", { sessionAffinity: "ClientIP" }, []],
  [
    "S31 an unknown affinity",
    { sessionAffinity: "Cookie" },
    ['spec.sessionAffinity: Unsupported value: "Cookie": supported values: "ClientIP", "None"'],
  ],
  ["S31 1 second", { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 1 } } }, []],
  ["S31 a day", { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 86400 } } }, []],
  ...[0, -1, 86401].map(
    (seconds): Case => [
      `S31 ${seconds} seconds`,
      { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: seconds } } },
      [
        `spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: ${seconds}: must be greater than 0 and less than 86400`,
      ],
    ],
  ),
];

const addresses: readonly Case[] = [
  ["S32 only clusterIP", { clusterIP: "10.96.0.7" }, []],
  ["S32 both", { clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7"] }, []],
  [
    "S32 both, different",
    { clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.8"] },
    ['spec.clusterIPs: Invalid value: ["10.96.0.8"]: first value must match `clusterIP`'],
  ],
  [
    "S32 S65 only clusterIPs",
    { clusterIPs: ["10.96.0.7"] },
    ['spec.clusterIPs: Invalid value: ["10.96.0.7"]: must be empty when `clusterIP` is not specified'],
  ],
  ["S33 both families", { ipFamilies: ["IPv6", "IPv4"] }, []],
  [
    "S33 an unknown family",
    { ipFamilies: ["IPv5"] },
    ['spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"'],
  ],
  ["S33 a family twice", { ipFamilies: ["IPv4", "IPv4"] }, ['spec.ipFamilies[1]: Duplicate value: "IPv4"']],
  ...["SingleStack", "PreferDualStack", "RequireDualStack"].map(
    (ipFamilyPolicy): Case => [`S34 ${ipFamilyPolicy}`, { ipFamilyPolicy }, []],
  ),
  [
    "S34 an unknown policy",
    { ipFamilyPolicy: "DualStack" },
    [
      'spec.ipFamilyPolicy: Unsupported value: "DualStack": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
    ],
  ],
  ["S35 two families of addresses", dual, []],
  ["S35 headless", { clusterIP: "None" }, []],
  ["S35 headless with families", { clusterIP: "None", ipFamilies: ["IPv6", "IPv4"] }, []],
  [
    "S35 None and an address",
    { clusterIP: "None", clusterIPs: ["None", "10.96.0.7"] },
    ['spec.clusterIPs: Invalid value: ["None","10.96.0.7"]: \'None\' must be the first and only value'],
  ],
  [
    "S35 an address and None",
    { clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7", "None"] },
    [`spec.clusterIPs[1]: Invalid value: "None": ${notIp}`],
  ],
  [
    "S35 two addresses of one family",
    { clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7", "10.96.0.8"] },
    ['spec.clusterIPs: Invalid value: ["10.96.0.7","10.96.0.8"]: may specify no more than one IP for each IP family'],
  ],
  [
    "S35 three addresses",
    { clusterIP: "10.96.0.7", clusterIPs: ["10.96.0.7", "fd00::7", "fd00::8"] },
    ['spec.clusterIPs: Invalid value: ["10.96.0.7","fd00::7","fd00::8"]: may only hold up to 2 values'],
  ],
  ["S35 addresses in the order of families", { ...dual, ipFamilies: ["IPv4", "IPv6"] }, []],
  [
    "S35 addresses against the order of families",
    { ...dual, ipFamilies: ["IPv6", "IPv4"] },
    [
      'spec.clusterIPs[0]: Invalid value: "10.96.0.7": expected an IPv6 value as indicated by `ipFamilies[0]`',
      'spec.clusterIPs[1]: Invalid value: "fd00::7": expected an IPv4 value as indicated by `ipFamilies[1]`',
    ],
  ],
  ["S35 more addresses than families", { ...dual, ipFamilies: ["IPv4"] }, []],
  ["S36 no address", { clusterIP: "10.96.0" }, [`spec.clusterIPs[0]: Invalid value: "10.96.0": ${notIp}`]],
  ["S36 none in small letters", { clusterIP: "none" }, [`spec.clusterIPs[0]: Invalid value: "none": ${notIp}`]],
  [
    "S36 leading zeros",
    { clusterIP: "10.096.0.7" },
    ['spec.clusterIPs[0]: Invalid value: "10.096.0.7": must not have leading 0s'],
  ],
  [
    "S36 IPv4 in IPv6",
    { clusterIP: "::ffff:10.96.0.7" },
    ['spec.clusterIPs[0]: Invalid value: "::ffff:10.96.0.7": must not be an IPv4-mapped IPv6 address'],
  ],
  ["S36 long IPv6 only warns", { clusterIP: "fd00:0:0:0:0:0:0:7" }, []],
  ["S37 external IPs", { externalIPs: ["192.0.2.1", "2001:db8::1"] }, []],
  ["S37 no address", { externalIPs: ["example.com"] }, [`spec.externalIPs[0]: Invalid value: "example.com": ${notIp}`]],
  [
    "S37 unspecified",
    { externalIPs: ["0.0.0.0"] },
    ['spec.externalIPs[0]: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)'],
  ],
  [
    "S37 loopback",
    { externalIPs: ["127.0.0.1", "::1"] },
    [
      'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      'spec.externalIPs[1]: Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
  ],
  [
    "S37 link-local",
    { externalIPs: ["169.254.1.1"] },
    [
      'spec.externalIPs[0]: Invalid value: "169.254.1.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
    ],
  ],
  [
    "S37 link-local multicast",
    { externalIPs: ["224.0.0.1"] },
    [
      'spec.externalIPs[0]: Invalid value: "224.0.0.1": may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
    ],
  ],
  ["S37 global multicast passes", { externalIPs: ["239.1.1.1"] }, []],
];

const balancers: readonly Case[] = [
  ["S39 ranges", { type: "LoadBalancer", loadBalancerSourceRanges: ["10.0.0.0/8", " 2001:db8::/32 "] }, []],
  [
    "S39 ranges of a ClusterIP",
    { loadBalancerSourceRanges: ["10.0.0.0/8"] },
    [`spec.LoadBalancerSourceRanges: ${onlyLoadBalancer}`],
  ],
  [
    "S39 no range",
    { type: "LoadBalancer", loadBalancerSourceRanges: ["10.0.0.0"] },
    [`spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.0": ${notCidr}`],
  ],
  [
    "S39 host bits",
    { type: "LoadBalancer", loadBalancerSourceRanges: ["10.0.0.1/8"] },
    ['spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length'],
  ],
  [
    "S39 leading zeros",
    { type: "LoadBalancer", loadBalancerSourceRanges: ["10.0.0.0/08"] },
    ['spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.0/08": must not have leading 0s in IP or prefix length'],
  ],
  [
    "S39 IPv4 in IPv6",
    { type: "LoadBalancer", loadBalancerSourceRanges: ["::ffff:10.0.0.0/104"] },
    [
      'spec.LoadBalancerSourceRanges[0]: Invalid value: "::ffff:10.0.0.0/104": must not have an IPv4-mapped IPv6 address',
    ],
  ],
  ["S40 the annotation", { type: "LoadBalancer" }, [], { [ranges]: "10.0.0.0/8, 192.0.2.0/24" }],
  ["S40 an empty annotation", { type: "LoadBalancer" }, [], { [ranges]: "  " }],
  [
    "S40 a bad annotation",
    { type: "LoadBalancer" },
    [`metadata.annotations[${ranges}]: Invalid value: "x": ${notCidr}`],
    { [ranges]: "10.0.0.0/8,x" },
  ],
  [
    "S40 the annotation on a ClusterIP",
    {},
    [`metadata.annotations[${ranges}]: ${onlyLoadBalancer}`],
    { [ranges]: "10.0.0.0/8" },
  ],
  [
    "S40 the field hides the annotation",
    { type: "LoadBalancer", loadBalancerSourceRanges: ["10.0.0.0/8"] },
    [],
    { [ranges]: "x" },
  ],
  [
    "S41 allocation of a ClusterIP",
    { allocateLoadBalancerNodePorts: false },
    [`spec.allocateLoadBalancerNodePorts: ${onlyLoadBalancer}`],
  ],
  [
    "S41 allocation of a NodePort",
    { type: "NodePort", allocateLoadBalancerNodePorts: true },
    [`spec.allocateLoadBalancerNodePorts: ${onlyLoadBalancer}`],
  ],
  ["S42 a class", { type: "LoadBalancer", loadBalancerClass: "example.com/fast" }, []],
  ["S42 a class of a ClusterIP", { loadBalancerClass: "fast" }, [`spec.loadBalancerClass: ${onlyLoadBalancer}`]],
  [
    "S42 a bad class",
    { type: "LoadBalancer", loadBalancerClass: "f st" },
    bad("spec.loadBalancerClass", "f st", checkQualifiedName),
  ],
  ["S43 any loadBalancerIP", { type: "LoadBalancer", loadBalancerIP: "soon" }, []],
];

const policies: readonly Case[] = [
  [
    "S44 Local on a ClusterIP",
    { externalTrafficPolicy: "Local" },
    [`spec.externalTrafficPolicy: Invalid value: "Local": ${notAccessible}`],
  ],
  [
    "S44 Cluster on a ClusterIP",
    { externalTrafficPolicy: "Cluster" },
    [`spec.externalTrafficPolicy: Invalid value: "Cluster": ${notAccessible}`],
  ],
  ["S44 Local with external IPs", { externalTrafficPolicy: "Local", externalIPs: ["192.0.2.1"] }, []],
  [
    "S44 an unknown policy",
    { type: "NodePort", externalTrafficPolicy: "Near" },
    ['spec.externalTrafficPolicy: Unsupported value: "Near": supported values: "Cluster", "Local"'],
  ],
  ["S45 a check port that is needed", local, ["spec.healthCheckNodePort: Required value"]],
  ["S45 a check port", { ...local, healthCheckNodePort: 30100 }, []],
  [
    "S45 a check port out of range",
    { ...local, healthCheckNodePort: 65536 },
    ["spec.healthCheckNodePort: Invalid value: 65536: must be between 1 and 65535, inclusive"],
  ],
  [
    "S45 a check port of Cluster",
    { type: "LoadBalancer", healthCheckNodePort: 30100 },
    [`spec.healthCheckNodePort: Invalid value: 30100: ${notLocal}`],
  ],
  [
    "S45 a check port of a NodePort",
    { type: "NodePort", externalTrafficPolicy: "Local", healthCheckNodePort: 30100 },
    [`spec.healthCheckNodePort: Invalid value: 30100: ${notLocal}`],
  ],
  ["S46 internal Local", { internalTrafficPolicy: "Local" }, []],
  [
    "S46 an unknown policy",
    { internalTrafficPolicy: "Near" },
    ['spec.internalTrafficPolicy: Unsupported value: "Near": supported values: "Cluster", "Local"'],
  ],
  ["S46 tolerated on ExternalName", { type: "ExternalName", externalName: "a.b", internalTrafficPolicy: "Local" }, []],
  ...["PreferClose", "PreferSameZone", "PreferSameNode"].map(
    (trafficDistribution): Case => [`S47 ${trafficDistribution}`, { trafficDistribution }, []],
  ),
  [
    "S47 an unknown distribution",
    { trafficDistribution: "Near" },
    [
      'spec.trafficDistribution: Unsupported value: "Near": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"',
    ],
  ],
  ["S48 not-ready addresses", { publishNotReadyAddresses: true }, []],
];

for (const [name, spec, faults, annotations] of [
  ...metadata,
  ...ports,
  ...types,
  ...affinity,
  ...addresses,
  ...balancers,
  ...policies,
]) {
  test(`validateService() ${name}`, () => {
    assert.deepEqual(createFaults(spec, annotations), faults);
  });
}

test("validateService() demands what defaults would have filled: S21, S27, S31, S41, S44, S46", () => {
  const bare = { ...created({ type: "LoadBalancer" }), spec: { ports: [{ port: 80, targetPort: 80 }] } };
  assert.deepEqual(texts(serviceKind.validate?.(bare)), [
    "spec.ports[0].protocol: Required value",
    "spec.sessionAffinity: Required value",
    "spec.type: Required value",
  ]);
  const spec = {
    type: "LoadBalancer",
    sessionAffinity: "ClientIP",
    ports: [{ port: 80, targetPort: 80, protocol: "TCP" }],
  };
  assert.deepEqual(texts(serviceKind.validate?.({ ...bare, spec })), [
    "spec.sessionAffinityConfig: Required value: when session affinity type is ClientIP",
    "spec.allocateLoadBalancerNodePorts: Required value",
    "spec.externalTrafficPolicy: Required value",
    "spec.internalTrafficPolicy: Required value",
  ]);
});

test("S31 validateService() refuses a config beside affinity None", () => {
  const object = created({});
  object.spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: 1 } };
  assert.deepEqual(texts(serviceKind.validate?.(object)), [
    "spec.sessionAffinityConfig: Forbidden: must not be set when session affinity is None",
  ]);
});

const names: readonly [name: string, good: boolean][] = [
  ["web", true],
  ["1web", true],
  ["a".repeat(63), true],
  ["a".repeat(64), false],
  ["Web", false],
  ["a.b", false],
  ["-a", false],
  ["", false],
];

for (const [name, good] of names) {
  test(`S17 validateName() ${good ? "takes" : "refuses"} ${JSON.stringify(name)}`, () => {
    assert.equal(serviceKind.validateName?.(name, false).length === 0, good);
  });
}
