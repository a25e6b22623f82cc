/** The official JavaScript client against the server: list, watch, informer, write, apply, custom objects. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import * as k8s from "@kubernetes/client-node";
import { formatKubeconfig } from "../../src/apiserver/kubeconfig.ts";
import { startTestServer } from "../../src/apiserver/testing.ts";

const server = await startTestServer();
after(() => server.close());
const config = new k8s.KubeConfig();
const { pki, port } = server;
config.loadFromString(
  formatKubeconfig({ server: `https://127.0.0.1:${port}`, ca: pki.ca, credential: pki.client("admin") }),
);
const core = config.makeApiClient(k8s.CoreV1Api);
const apps = config.makeApiClient(k8s.AppsV1Api);
const namespace = "default";
const waitMs = 5000;

const service = (name: string): k8s.V1Service => ({
  metadata: { name, labels: { app: name } },
  spec: { selector: { app: name }, ports: [{ port: 80, targetPort: "http" }] },
});

test("create, read, list with selectors, replace, patch, delete", async () => {
  const made = await core.createNamespacedService({ namespace, body: service("web") });
  assert.match(made.spec?.clusterIP ?? "", /^10\.96\./);
  assert.ok(made.metadata?.creationTimestamp instanceof Date);
  const list = await core.listNamespacedService({ namespace, labelSelector: "app=web", limit: 5 });
  assert.deepEqual(
    list.items.map(({ metadata }) => metadata?.name),
    ["web"],
  );
  const changed = { ...made, metadata: { ...made.metadata, annotations: { note: "x" } } };
  const replaced = await core.replaceNamespacedService({ name: "web", namespace, body: changed });
  assert.deepEqual(replaced.metadata?.annotations, { note: "x" });
  await assert.rejects(
    core.replaceNamespacedService({ name: "web", namespace, body: made }),
    (error: unknown) => error instanceof k8s.ApiException && error.code === 409,
  );
  const patched = await core.patchNamespacedService(
    { name: "web", namespace, body: [{ op: "replace", path: "/spec/ports/0/port", value: 81 }] },
    k8s.setHeaderOptions("Content-Type", k8s.PatchStrategy.JsonPatch),
  );
  assert.equal(patched.spec?.ports?.[0]?.port, 81);
  await core.deleteNamespacedService({ name: "web", namespace });
  await assert.rejects(
    core.readNamespacedService({ name: "web", namespace }),
    (error: unknown) => error instanceof k8s.ApiException && error.code === 404,
  );
});

test("the object API applies what a manifest says, on the server's side too", async () => {
  const objects = k8s.KubernetesObjectApi.makeApiClient(config);
  const spec = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "made", namespace } };
  const first = await objects.patch(
    { ...spec, data: { a: "1" } } as k8s.KubernetesObject,
    undefined,
    undefined,
    "me",
    true,
    k8s.PatchStrategy.ServerSideApply,
  );
  assert.equal(first.metadata?.managedFields?.[0]?.manager, "me");
  const read = await objects.read<k8s.V1ConfigMap>({ ...spec, metadata: { name: "made", namespace } });
  assert.deepEqual(read.data, { a: "1" });
  await objects.delete(spec);
});

test("an informer sees what is there, and what changes", async () => {
  await core.createNamespacedService({ namespace, body: service("first") });
  const path = `/api/v1/namespaces/${namespace}/services`;
  const informer = k8s.makeInformer(config, path, () => core.listNamespacedService({ namespace }));
  const seen: string[] = [];
  let wake = (): void => {};
  for (const verb of ["add", "update", "delete"] as const) {
    informer.on(verb, (object) => {
      seen.push(`${verb} ${object.metadata?.name}`);
      wake();
    });
  }
  let stopping = false;
  informer.on("error", (error) => {
    if (!stopping) throw error;
  });
  await informer.start();
  const until = async (event: string): Promise<void> => {
    const deadline = Date.now() + waitMs;
    while (!seen.includes(event)) {
      if (Date.now() > deadline) assert.fail(`no ${event} among ${seen.join(", ")}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, 100);
      });
    }
  };
  await until("add first");
  await core.createNamespacedService({ namespace, body: service("second") });
  await until("add second");
  await core.deleteNamespacedService({ name: "first", namespace });
  await until("delete first");
  stopping = true;
  await informer.stop();
});

test("workloads are scaled, custom objects come and go", async () => {
  const labels = { app: "d" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "busybox" }] } };
  const body = { metadata: { name: "d" }, spec: { replicas: 1, selector: { matchLabels: labels }, template } };
  await apps.createNamespacedDeployment({ namespace, body });
  const scale = await apps.readNamespacedDeploymentScale({ name: "d", namespace });
  const next = await apps.replaceNamespacedDeploymentScale({
    name: "d",
    namespace,
    body: { ...scale, spec: { replicas: 3 } },
  });
  assert.equal(next.spec?.replicas, 3);
  const definitions = config.makeApiClient(k8s.ApiextensionsV1Api);
  const schema = { openAPIV3Schema: { type: "object", properties: { size: { type: "integer", _default: 4 } } } };
  const made = await definitions.createCustomResourceDefinition({
    body: {
      metadata: { name: "boxes.example.com" },
      spec: {
        group: "example.com",
        scope: "Namespaced",
        names: { plural: "boxes", kind: "Box" },
        versions: [{ name: "v1", served: true, storage: true, schema }],
      },
    },
  });
  assert.equal(made.status?.conditions?.find(({ type }) => type === "Established")?.status, "True");
  const custom = config.makeApiClient(k8s.CustomObjectsApi);
  const where = { group: "example.com", version: "v1", namespace, plural: "boxes" };
  const box = await custom.createNamespacedCustomObject({
    ...where,
    body: { apiVersion: "example.com/v1", kind: "Box", metadata: { name: "b" } },
  });
  assert.equal(box.size, 4);
  const { items } = await custom.listNamespacedCustomObject(where);
  assert.equal(items.length, 1);
});
