import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer } from "../testing.ts";

const server = await startTestServer();
after(() => server.close());
const { ask } = server;

const merge = "application/merge-patch+json";
const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "busybox" }] } };
const cases: readonly {
  readonly what: string;
  readonly collection: string;
  readonly spec: object;
  readonly status: object;
  readonly labels: object | undefined;
}[] = [
  {
    what: "an Ingress",
    collection: "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
    spec: { defaultBackend: { service: { name: "web", port: { number: 80 } } } },
    status: { loadBalancer: { ingress: [{ ip: "169.1.1.1" }] } },
    labels: { by: "status" },
  },
  {
    what: "a Deployment, whose labels stay",
    collection: "/apis/apps/v1/namespaces/default/deployments",
    spec: { selector: { matchLabels: { a: "b" } }, template },
    status: { observedGeneration: 1 },
    labels: undefined,
  },
];
for (const { what, collection, spec, status, labels } of cases) {
  test(`a write of the status takes metadata with it, but no spec: ${what}`, async () => {
    const created = await ask("POST", collection, { body: { metadata: { name: "one" }, spec } });
    assert.equal(created.code, 201, created.text);
    const metadata = { annotations: { by: "status" }, labels: { by: "status" } };
    const body = { metadata, status, spec: { unknown: 1, paused: true } };
    const { code, body: patched, text } = await ask("PATCH", `${collection}/one/status`, { type: merge, body });
    assert.equal(code, 200, text);
    assert.deepEqual([patched.metadata.annotations, patched.metadata.labels], [metadata.annotations, labels]);
    assert.deepEqual(patched.status, status);
    assert.deepEqual(patched.spec, created.body.spec);
  });
}

test("S14 S59 a Service's status is completed by what was sent: the mode of an address, empty fields of conditions, no load balancer", async () => {
  const path = "/api/v1/namespaces/default/services";
  const ports = [{ port: 80 }];
  const balanced = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "lb" },
    spec: { type: "LoadBalancer", ports },
  };
  await ask("POST", path, { body: balanced });
  const ingress = [{ ip: "192.0.2.1" }];
  const put = (more: object) => ask("PUT", `${path}/lb/status`, { body: { ...balanced, ...more } });
  const { status } = (await put({ status: { loadBalancer: { ingress } } })).body;
  assert.deepEqual(status.loadBalancer.ingress, [{ ip: "192.0.2.1", ipMode: "VIP" }]);
  const refused = await put({ spec: undefined, status: { loadBalancer: { ingress } } });
  assert.deepEqual(
    [refused.code, refused.body.details.causes[0].field],
    [422, "status.loadBalancer.ingress[0].ipMode"],
  );
  const { body } = await put({ status: { conditions: [{ type: "A" }] } });
  const condition = { type: "A", status: "", reason: "", message: "", lastTransitionTime: null };
  assert.deepEqual(body.status, { conditions: [condition], loadBalancer: {} });
});
