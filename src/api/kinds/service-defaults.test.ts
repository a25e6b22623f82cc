import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../object.ts";
import { type Spec, service } from "./_service-fixture.ts";
import { setServiceDefaults } from "./service-defaults.ts";

const common = { type: "ClusterIP", sessionAffinity: "None", internalTrafficPolicy: "Cluster" };
const clientIp = (timeoutSeconds: number) => ({ clientIP: { timeoutSeconds } });

const cases: readonly [name: string, given: Spec, wanted: Record<string, unknown>][] = [
  ["S8 no affinity is None", {}, common],
  ["S8 None drops its config", { sessionAffinity: "None", sessionAffinityConfig: clientIp(5) }, common],
  [
    "S8 ClientIP lasts three hours",
    { sessionAffinity: "ClientIP" },
    { ...common, sessionAffinity: "ClientIP", sessionAffinityConfig: clientIp(10800) },
  ],
  [
    "S8 ClientIP fills an incomplete config",
    { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: {} } },
    { ...common, sessionAffinity: "ClientIP", sessionAffinityConfig: clientIp(10800) },
  ],
  [
    "S8 ClientIP keeps a given time",
    { sessionAffinity: "ClientIP", sessionAffinityConfig: clientIp(7) },
    { ...common, sessionAffinity: "ClientIP", sessionAffinityConfig: clientIp(7) },
  ],
  [
    "S8 a time of 0 is left for validation",
    { sessionAffinity: "ClientIP", sessionAffinityConfig: clientIp(0) },
    { ...common, sessionAffinity: "ClientIP", sessionAffinityConfig: clientIp(0) },
  ],
  ["S9 an empty type is ClusterIP", { type: "" }, common],
  [
    "S11 NodePort has an external policy",
    { type: "NodePort" },
    { ...common, type: "NodePort", externalTrafficPolicy: "Cluster" },
  ],
  [
    "S11 S13 LoadBalancer",
    { type: "LoadBalancer" },
    { ...common, type: "LoadBalancer", externalTrafficPolicy: "Cluster", allocateLoadBalancerNodePorts: true },
  ],
  [
    "S11 external IPs make it accessible",
    { externalIPs: ["192.0.2.1"] },
    { ...common, externalIPs: ["192.0.2.1"], externalTrafficPolicy: "Cluster" },
  ],
  [
    "S11 an ExternalName is not accessible",
    { type: "ExternalName", externalIPs: ["192.0.2.1"] },
    { type: "ExternalName", sessionAffinity: "None", externalIPs: ["192.0.2.1"] },
  ],
  [
    "S11 Local stays",
    { type: "NodePort", externalTrafficPolicy: "Local" },
    { ...common, type: "NodePort", externalTrafficPolicy: "Local" },
  ],
  ["S12 internal Local stays", { internalTrafficPolicy: "Local" }, { ...common, internalTrafficPolicy: "Local" }],
  [
    "S12 an ExternalName has no internal policy",
    { type: "ExternalName" },
    { type: "ExternalName", sessionAffinity: "None" },
  ],
  [
    "S13 false stays",
    { type: "LoadBalancer", allocateLoadBalancerNodePorts: false },
    { ...common, type: "LoadBalancer", externalTrafficPolicy: "Cluster", allocateLoadBalancerNodePorts: false },
  ],
  ["S15 families and addresses are the allocator's", { clusterIP: "10.96.0.7" }, { ...common, clusterIP: "10.96.0.7" }],
];

for (const [name, given, wanted] of cases) {
  test(`setServiceDefaults() ${name}`, () => {
    const object = service({ ports: [], ...given });
    setServiceDefaults(object);
    assert.deepEqual(object.spec, { ports: [], ...wanted });
    const again = structuredClone(object);
    setServiceDefaults(again);
    assert.deepEqual(again, object);
  });
}

test("S10 setServiceDefaults() fills protocol and target of each port", () => {
  const object = service({
    ports: [
      { name: "a", port: 80 },
      { name: "b", port: 53, protocol: "UDP", targetPort: "dns" },
      { name: "c", port: 81, targetPort: 0 },
      { name: "d", port: 82, targetPort: "" },
      { name: "e", port: 83, targetPort: 8083 },
    ],
  });
  setServiceDefaults(object);
  const texts = object.spec.ports?.map(({ port, protocol, targetPort }) => `${port}/${protocol}>${targetPort}`);
  assert.deepEqual(texts, ["80/TCP>80", "53/UDP>dns", "81/TCP>81", "82/TCP>82", "83/TCP>8083"]);
});

test("S14 setServiceDefaults() marks addresses of a balancer as virtual", () => {
  const status: Service["status"] = {
    loadBalancer: {
      ingress: [{ ip: "192.0.2.1" }, { hostname: "lb.example.com" }, { ip: "192.0.2.2", ipMode: "Proxy" }],
    },
  };
  const object = { ...service({ type: "LoadBalancer" }), status };
  setServiceDefaults(object);
  assert.deepEqual(
    object.status.loadBalancer?.ingress?.map(({ ipMode }) => ipMode),
    ["VIP", undefined, "Proxy"],
  );
});

test("setServiceDefaults() gives a Service without a spec one", () => {
  const object = { apiVersion: "v1", kind: "Service", metadata: { name: "web" } } as unknown as Service;
  setServiceDefaults(object);
  assert.equal(object.spec.type, "ClusterIP");
});
