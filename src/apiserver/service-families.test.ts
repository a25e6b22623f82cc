/** Services on a cluster with both families, and writes that race. Named by the statements of the Service API. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer } from "./testing.ts";

const server = await startTestServer({ config: { serviceCidr: "10.96.0.0/16,fd00:96::/112" } });
after(() => server.close());
const { ask } = server;

const base = "/api/v1/namespaces/default";
const services = `${base}/services`;
const merge = "application/merge-patch+json";
const apply = "application/apply-patch+yaml";
const ports = [{ port: 80 }];
const dns = {
  ports: [
    { name: "t", port: 53 },
    { name: "u", port: 53, protocol: "UDP" },
  ],
};
const service = (name: string, spec: object) => ({ apiVersion: "v1", kind: "Service", metadata: { name }, spec });

test("E61 a PreferDualStack Service that goes to SingleStack and back keeps its first address", async () => {
  const made = await ask("POST", services, { body: service("both", { ports, ipFamilyPolicy: "PreferDualStack" }) });
  const [first, second] = made.body.spec.clusterIPs;
  assert.match(second, /^fd00:96::/);
  const change = async (ipFamilyPolicy: string) => {
    const { body } = await ask("PATCH", `${services}/both`, { body: { spec: { ipFamilyPolicy } }, type: merge });
    return body.spec;
  };
  const single = await change("SingleStack");
  assert.deepEqual([single.clusterIPs, single.ipFamilies], [[first], ["IPv4"]]);
  const record = await ask("GET", `/apis/networking.k8s.io/v1/ipaddresses/${second}`);
  assert.equal(record.code, 404, "the second one is free again");
  const again = await change("PreferDualStack");
  assert.deepEqual([again.clusterIP, again.clusterIPs[0], again.clusterIPs.length], [first, first, 2]);
});

test("E59 of two Services that ask for one address at once one gets it", async () => {
  const asked = ["one", "two"].map((name) =>
    ask("POST", services, { body: service(name, { ports, clusterIP: "10.96.33.33" }) }),
  );
  const codes = (await Promise.all(asked)).map(({ code }) => code);
  assert.deepEqual(codes.sort(), [201, 422]);
});

test("E55 53/TCP and 53/UDP, applied twice by the server, are both there", async () => {
  const path = `${services}/dns?fieldManager=one`;
  for (const code of [201, 200]) {
    const answer = await ask("PATCH", path, { body: service("dns", dns), type: apply });
    assert.equal(answer.code, code);
    assert.deepEqual(
      answer.body.spec.ports.map(({ name, protocol }: { name: string; protocol: string }) => `${name} ${protocol}`),
      ["t TCP", "u UDP"],
    );
  }
});

test("S61 S62 ports of an ingress and conditions are kept as they are, conditions by their type", async () => {
  await ask("POST", services, { body: service("told", { ports, type: "LoadBalancer" }) });
  const ingress = [{ hostname: "lb.example.com", ports: [{ port: 80, protocol: "TCP", error: "PortTaken" }] }];
  const condition = (type: string, status: string) => ({
    ...{ type, status, reason: "Told", message: "", lastTransitionTime: "2026-01-01T00:00:00Z" },
  });
  const write = (status: object) =>
    ask("PATCH", `${services}/told/status`, { body: { status }, type: "application/strategic-merge-patch+json" });
  await write({ loadBalancer: { ingress }, conditions: [condition("A", "True"), condition("B", "True")] });
  const { body } = await write({ conditions: [condition("B", "False")] });
  assert.deepEqual(body.status.loadBalancer.ingress, ingress);
  const shown = body.status.conditions.map(({ type, status }: { type: string; status: string }) => `${type} ${status}`);
  assert.deepEqual(shown.sort(), ["A True", "B False"]);
});

test("E17 a slice may speak of a Service and of Pods that are not there", async () => {
  const labels = { "kubernetes.io/service-name": "nowhere" };
  const targetRef = { kind: "Pod", namespace: "default", name: "nobody" };
  const body = {
    ...{ metadata: { name: "loose", labels }, addressType: "IPv4" },
    endpoints: [{ addresses: ["192.0.2.1"], nodeName: "gone", targetRef }],
  };
  const { code } = await ask("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", { body });
  assert.equal(code, 201);
});
