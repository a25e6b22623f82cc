import assert from "node:assert/strict";
import test from "node:test";
import type { Container } from "kubernetes-types/core/v1";
import type { ConfigMap, Pod, Secret, Service } from "../../api/object.ts";
import { buildEnvironment, type EnvironmentInputs } from "./environment.ts";
import { expand } from "./expand.ts";
import { serviceVariables } from "./service-variables.ts";

const expansions: readonly [string, string][] = [
  ["$(A)", "1"],
  ["x$(A)y$(B)", "x1y2"],
  ["$(MISSING)", "$(MISSING)"],
  ["$$(A)", "$(A)"],
  ["$$$(A)", "$1"],
  ["$A $", "$A $"],
  ["$(A", "$(A"],
  ["$()", "$()"],
  ["$$$$", "$$"],
];
for (const [text, want] of expansions) {
  test(`expand("${text}")`, () => assert.equal(expand(text, { A: "1", B: "2" }), want));
}

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "ns", uid: "u", labels: { b: "2", a: '1"' } },
  spec: { nodeName: "n", containers: [] },
};
const configMap: ConfigMap = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "c" },
  data: { k: "v", other: "o" },
};
const secret: Secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, data: { pw: "c2VjcmV0" } };
const given: EnvironmentInputs = {
  facts: { pod, podIps: ["10.0.0.2"], hostIps: ["172.18.0.2"], allocatable: { cpu: "4", memory: "1Gi" } },
  sources: {
    configMap: (name) => (name === "c" ? configMap : undefined),
    secret: (name) => (name === "s" ? secret : undefined),
  },
  base: { PATH: "/bin" },
};
const container = (more: Partial<Container>): Container => ({ name: "main", ...more });
const field = (fieldPath: string) => container({ env: [{ name: "X", valueFrom: { fieldRef: { fieldPath } } }] });
const amount = (resource: string, divisor?: string): Container =>
  container({
    resources: { limits: { cpu: "1500m" }, requests: { memory: "100Mi" } },
    env: [{ name: "X", valueFrom: { resourceFieldRef: { resource, ...(divisor && { divisor }) } } }],
  });

const cases: readonly { name: string; in: Container; want: Record<string, string> | RegExp }[] = [
  { name: "a plain value", in: container({ env: [{ name: "X", value: "1" }] }), want: { X: "1" } },
  {
    name: "an earlier variable",
    in: container({
      env: [
        { name: "A", value: "1" },
        { name: "X", value: "$(A)$(Y)" },
      ],
    }),
    want: { A: "1", X: "1$(Y)" },
  },
  { name: "a field", in: field("metadata.name"), want: { X: "p" } },
  { name: "a label", in: field("metadata.labels['b']"), want: { X: "2" } },
  { name: "all labels", in: field("metadata.labels"), want: { X: 'a="1\\""\nb="2"' } },
  { name: "the Pod's address", in: field("status.podIP"), want: { X: "10.0.0.2" } },
  { name: "an unknown field", in: field("spec.nope"), want: /unsupported fieldPath: spec.nope/ },
  { name: "a limit, rounded up", in: amount("limits.cpu"), want: { X: "2" } },
  { name: "a limit in thousandths", in: amount("limits.cpu", "1m"), want: { X: "1500" } },
  { name: "a limit that is not set", in: amount("limits.memory", "1Mi"), want: { X: "1024" } },
  { name: "a request", in: amount("requests.memory"), want: { X: "104857600" } },
  {
    name: "a ConfigMap's key",
    in: container({ env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "c", key: "k" } } }] }),
    want: { X: "v" },
  },
  {
    name: "a Secret's key",
    in: container({ env: [{ name: "X", valueFrom: { secretKeyRef: { name: "s", key: "pw" } } }] }),
    want: { X: "secret" },
  },
  {
    name: "a missing key",
    in: container({ env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "c", key: "z" } } }] }),
    want: /couldn't find key z in ConfigMap ns\/c/,
  },
  {
    name: "a missing ConfigMap",
    in: container({ env: [{ name: "X", valueFrom: { configMapKeyRef: { name: "z", key: "k" } } }] }),
    want: /configmap "z" not found/,
  },
  {
    name: "a missing one that is optional",
    in: container({ env: [{ name: "X", valueFrom: { secretKeyRef: { name: "z", key: "k", optional: true } } }] }),
    want: {},
  },
  {
    name: "all of a ConfigMap with a prefix",
    in: container({ envFrom: [{ prefix: "C_", configMapRef: { name: "c" } }] }),
    want: { C_k: "v", C_other: "o" },
  },
  {
    name: "env over envFrom",
    in: container({ envFrom: [{ configMapRef: { name: "c" } }], env: [{ name: "k", value: "mine" }] }),
    want: { k: "mine", other: "o" },
  },
];
for (const { name, in: input, want } of cases) {
  test(`buildEnvironment(): ${name}`, () => {
    if (want instanceof RegExp) assert.throws(() => buildEnvironment(input, given), want);
    else assert.deepEqual(buildEnvironment(input, given), { PATH: "/bin", ...want });
  });
}

test("serviceVariables() gives both styles for the Pod's namespace and default/kubernetes", () => {
  const service = (
    namespace: string,
    name: string,
    clusterIP: string,
    ports: { port: number; name?: string; protocol?: string }[],
  ): Service => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { clusterIP, ports },
  });
  const all = [
    service("default", "kubernetes", "10.96.0.1", [{ port: 443, name: "https" }]),
    service("ns", "my-dns", "10.96.0.9", [
      { port: 53, name: "dns", protocol: "UDP" },
      { port: 9153, name: "metrics" },
    ]),
    service("ns", "headless", "None", [{ port: 1 }]),
    service("other", "hidden", "10.96.0.8", [{ port: 1 }]),
  ];
  const kubernetes = {
    KUBERNETES_SERVICE_HOST: "10.96.0.1",
    KUBERNETES_SERVICE_PORT: "443",
    KUBERNETES_SERVICE_PORT_HTTPS: "443",
    KUBERNETES_PORT: "tcp://10.96.0.1:443",
    KUBERNETES_PORT_443_TCP: "tcp://10.96.0.1:443",
    KUBERNETES_PORT_443_TCP_PROTO: "tcp",
    KUBERNETES_PORT_443_TCP_PORT: "443",
    KUBERNETES_PORT_443_TCP_ADDR: "10.96.0.1",
  };
  assert.deepEqual(serviceVariables(all, { namespace: "ns", links: false }), kubernetes);
  assert.deepEqual(serviceVariables(all, { namespace: "ns", links: true }), {
    ...kubernetes,
    MY_DNS_SERVICE_HOST: "10.96.0.9",
    MY_DNS_SERVICE_PORT: "53",
    MY_DNS_SERVICE_PORT_DNS: "53",
    MY_DNS_PORT: "udp://10.96.0.9:53",
    MY_DNS_PORT_53_UDP: "udp://10.96.0.9:53",
    MY_DNS_PORT_53_UDP_PROTO: "udp",
    MY_DNS_PORT_53_UDP_PORT: "53",
    MY_DNS_PORT_53_UDP_ADDR: "10.96.0.9",
    MY_DNS_SERVICE_PORT_METRICS: "9153",
    MY_DNS_PORT_9153_TCP: "tcp://10.96.0.9:9153",
    MY_DNS_PORT_9153_TCP_PROTO: "tcp",
    MY_DNS_PORT_9153_TCP_PORT: "9153",
    MY_DNS_PORT_9153_TCP_ADDR: "10.96.0.9",
  });
});
