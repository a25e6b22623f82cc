/** What people do with workloads and Nodes, by kubectl, against the API server and all controllers. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createClient } from "../../src/client/rest.ts";
import { start, until } from "../../src/controllers/testing/cluster.ts";
import { createLog } from "../../src/lib/log.ts";
import { skip, startKubectl } from "../kubectl/run-kubectl.ts";

async function cluster(t: TestContext) {
  const kubectl = await startKubectl();
  t.after(() => kubectl.close());
  const { pki, port } = kubectl.server;
  const { certificate: cert, key } = pki.client("control-plane");
  const config = { server: `https://127.0.0.1:${port}`, ca: pki.ca, cert, key, namespace: "default" };
  const client = createClient(config, { userAgent: "test", log: createLog(() => {}) });
  await start(t, { open: async () => client });
  return {
    k: (args: string, input?: string) => kubectl.ok(`-n ns ${args}`, input === undefined ? {} : { input }),
    lines: async (args: string) => (await kubectl.ok(`-n ns ${args}`)).trim().split("\n"),
  };
}

const workload = (kind: string, more: object = {}) =>
  JSON.stringify({
    apiVersion: "apps/v1",
    kind,
    metadata: { name: "w", namespace: "ns" },
    spec: {
      selector: { matchLabels: { app: "w" } },
      template: { metadata: { labels: { app: "w" } }, spec: { containers: [{ name: "c", image: "v1" }] } },
      ...more,
    },
  });

const images = "get pods -o jsonpath={.items[*].spec.containers[0].image}";

test("kubectl rollout: status, history, undo, pause, resume and restart of a Deployment", { skip }, async (t) => {
  const { k } = await cluster(t);
  await k("create deployment web --image=v1 --replicas=3");
  assert.match(await k("rollout status deployment/web --timeout=20s"), /successfully rolled out/);
  await k("set image deployment/web v1=v2");
  await k("rollout status deployment/web --timeout=20s");
  assert.match(await k("rollout history deployment/web"), /^1 .*\n2 /m);
  assert.match(await k("rollout history deployment/web --revision=1"), /Image:\s+v1/);
  await k("rollout pause deployment/web");
  await k("set image deployment/web v1=v3");
  await k("scale deployment/web --replicas=4");
  await until(async () => (await k(images)) === "v2 v2 v2 v2");
  await k("rollout resume deployment/web");
  await k("rollout status deployment/web --timeout=20s");
  await until(async () => (await k(images)) === "v3 v3 v3 v3");
  await k("rollout undo deployment/web --to-revision=1");
  await k("rollout status deployment/web --timeout=20s");
  await until(async () => (await k(images)) === "v1 v1 v1 v1");
  await k("rollout restart deployment/web");
  await k("rollout status deployment/web --timeout=20s");
  assert.match(await k("rollout history deployment/web"), /^2 .*\n3 .*\n4 .*\n5 /m);
  assert.match(await k("describe deployment web"), /NewReplicaSetAvailable/);
});

for (const kind of ["StatefulSet", "DaemonSet"]) {
  test(`kubectl rollout: status, history, undo and restart of a ${kind}`, { skip }, async (t) => {
    const { k } = await cluster(t);
    const name = `${kind.toLowerCase()}/w`;
    await k("apply -f -", workload(kind, kind === "StatefulSet" ? { replicas: 2, serviceName: "w" } : {}));
    await k(`rollout status ${name} --timeout=20s`);
    await until(async () => (await k(images)) === "v1 v1");
    await k(`set image ${name} c=v2`);
    await k(`rollout status ${name} --timeout=20s`);
    await until(async () => (await k(images)) === "v2 v2");
    assert.match(await k(`rollout history ${name}`), /^1 .*\n2 /m);
    assert.match(await k(`rollout history ${name} --revision=1`), /Image:\s+v1/);
    await k(`rollout undo ${name}`);
    await k(`rollout status ${name} --timeout=20s`);
    await until(async () => (await k(images)) === "v1 v1");
    await until(async () => /^2 .*\n3 /m.test(await k(`rollout history ${name}`)));
    await k(`rollout restart ${name}`);
    await k(`rollout status ${name} --timeout=20s`);
  });
}

test("kubectl drain: Pods move, budgets are kept, the Node comes back", { skip }, async (t) => {
  const { k } = await cluster(t);
  await k("apply -f -", workload("DaemonSet"));
  await k("create deployment web --image=v1 --replicas=4");
  await k("create poddisruptionbudget web --selector=app=web --min-available=3");
  await k("rollout status deployment/web --timeout=20s");
  await until(async () => (await k("get pdb web -o jsonpath={.status.disruptionsAllowed}")) === "1");
  assert.match(await k("drain n1 --ignore-daemonsets --timeout=25s"), /node\/n1 drained/);
  const nodes = () => k("get pods -l app=web -o jsonpath={.items[*].spec.nodeName}");
  await until(async () => (await nodes()) === "n2 n2 n2 n2");
  assert.match(await k("get nodes"), /n1 +Ready,SchedulingDisabled/);
  assert.equal((await k("get pods -l app=w -o name")).trim().split("\n").length, 2, "daemons stay");
  await k("uncordon n1");
  await k("scale deployment/web --replicas=8");
  await until(async () => (await nodes()).includes("n1"));
  await k("taint nodes n1 repair=now:NoExecute");
  await until(async () => !(await k("get pods -o jsonpath={.items[*].spec.nodeName}")).includes("n1"));
});

test("kubectl create job and cronjob; wait, describe, delete", { skip }, async (t) => {
  const { k } = await cluster(t);
  await k("create job once --image=succeeds");
  assert.match(await k("wait --for=condition=complete job/once --timeout=20s"), /condition met/);
  assert.match(await k("get job once"), /once +Complete +1\/1/);
  await k("create cronjob tick --image=succeeds --schedule=@yearly");
  await k("create job now --from=cronjob/tick");
  await k("wait --for=condition=complete job/now --timeout=20s");
  await k("delete cronjob tick");
  await until(async () => !(await k("get jobs -o name")).includes("job.batch/now"));
  await k("delete job once");
  await until(async () => (await k("get pods -o name")) === "");
});

const definition = JSON.stringify({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "ships.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { plural: "ships", singular: "ship", kind: "Ship", listKind: "ShipList" },
    versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
  },
});
const ship = (name: string) =>
  JSON.stringify({ apiVersion: "example.com/v1", kind: "Ship", metadata: { name, namespace: "ns" } });

test("custom objects own others, and go with their namespace", { skip }, async (t) => {
  const { k } = await cluster(t);
  await k("apply -f -", definition);
  await k("wait --for=condition=established crd/ships.example.com --timeout=10s");
  await until(() => k("apply -f -", ship("owner")));
  const uid = await k("get ship owner -o jsonpath={.metadata.uid}");
  const ownerReferences = [{ apiVersion: "example.com/v1", kind: "Ship", name: "owner", uid }];
  const cargo = { apiVersion: "v1", kind: "Secret", metadata: { name: "cargo", namespace: "ns", ownerReferences } };
  await k("apply -f -", JSON.stringify(cargo));
  await k("delete ship owner");
  await until(async () => !(await k("get secrets -o name")).includes("cargo"));
  await k("apply -f -", ship("other"));
  await k("delete namespace ns --timeout=20s");
  assert.equal(await k("get ships -A -o name"), "");
});
