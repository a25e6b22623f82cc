/** What the controllers do together, told through any API server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DaemonSet, Node, Pod } from "../../api/object.ts";
import * as resources from "../../api/resource.ts";
import { isNotFound } from "../../client/client.ts";
import { createInformer } from "../../client/informer.ts";
import { retryOnConflict } from "../../client/retry-on-conflict.ts";
import { createLog } from "../../lib/log.ts";
import { addNode, deployment, type Open, podsIn, renew, settled, slicesOf, start, until } from "./cluster.ts";
import { service } from "./objects.ts";

/** Runs the controllers' scenarios against one kind of API server. */
export function testControllers(name: string, open: Open): void {
  test(`E3 E18 ${name}: a Deployment becomes Pods on Nodes, and they the endpoints of a Service`, async (t) => {
    const { client, errors } = await start(t, { open });
    await client.create(resources.services, service("backend"));
    await until(async () => (await slicesOf(client, "backend")).length === 1);
    await client.create(resources.deployments, deployment("v1"));
    const status = await settled(client);
    const conditions = status.conditions?.map(({ type, status: value, reason }) => `${type}=${value} ${reason}`).sort();
    assert.deepEqual(conditions, [
      "Available=True MinimumReplicasAvailable",
      "Progressing=True NewReplicaSetAvailable",
    ]);
    const pods = await podsIn(client);
    assert.deepEqual(pods.map(({ spec }) => spec.nodeName).sort().length, 3);
    assert.equal(new Set(pods.map(({ spec }) => spec.nodeName)).size, 2, "spread over both Nodes");
    await until(async () => (await slicesOf(client, "backend"))[0]?.endpoints.length === 3);
    const endpoints = await until(async () => {
      const object = await client.get(resources.endpoints, "backend", "ns");
      return object.subsets?.[0]?.addresses?.length === 3 && object;
    });
    assert.equal(endpoints.metadata.labels?.["endpoints.kubernetes.io/managed-by"], "endpoint-controller");
    assert.equal((await slicesOf(client, "backend")).length, 1);
    assert.deepEqual(errors, []);
  });

  test(`${name}: a rolling update never leaves fewer than the allowed Pods ready, and can be undone`, async (t) => {
    const { client, errors } = await start(t, { open });
    await client.create(
      resources.deployments,
      deployment("v1", {
        replicas: 4,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      }),
    );
    await settled(client);
    let fewest = 99;
    let most = 0;
    const end = new AbortController();
    t.after(() => end.abort());
    const watcher = createInformer(client, resources.pods, { log: createLog(() => {}), signal: end.signal });
    watcher.onChange(() => {
      const living = [...watcher.list()].filter(({ metadata }) => !metadata.deletionTimestamp);
      fewest = Math.min(fewest, living.filter(({ status }) => status?.podIP).length);
      most = Math.max(most, living.length);
    });
    await watcher.synced;
    fewest = 99;
    const present = await client.get(resources.deployments, "backend", "ns");
    await client.update(resources.deployments, {
      ...present,
      spec: { ...present.spec, template: deployment("v2").spec.template },
    });
    await settled(client);
    assert.ok(fewest >= 4, `at least 4 ready, saw ${fewest}`);
    assert.ok(most <= 5, `at most 5 Pods, saw ${most}`);
    assert.deepEqual(new Set((await podsIn(client)).map(({ spec }) => spec.containers[0]?.image)), new Set(["v2"]));
    const { metadata } = await client.get(resources.deployments, "backend", "ns");
    assert.equal(metadata.annotations?.["deployment.kubernetes.io/revision"], "2");
    const again = await client.get(resources.deployments, "backend", "ns");
    await client.update(resources.deployments, {
      ...again,
      spec: { ...again.spec, template: deployment("v1").spec.template },
    });
    await settled(client);
    const replicaSets = (await client.list(resources.replicaSets, { namespace: "ns" })).items;
    const revisions = replicaSets.map((one) => one.metadata.annotations?.["deployment.kubernetes.io/revision"]).sort();
    assert.deepEqual(revisions, ["2", "3"], "the old ReplicaSet is used again");
    assert.deepEqual(errors, []);
  });

  test(`${name}: Recreate lets the old Pods go before the new ones come`, async (t) => {
    const { client } = await start(t, { open });
    await client.create(resources.deployments, deployment("v1", { strategy: { type: "Recreate" } }));
    await settled(client);
    const images = new Set<string>();
    let mixed = false;
    const end = new AbortController();
    t.after(() => end.abort());
    const watcher = createInformer(client, resources.pods, { log: createLog(() => {}), signal: end.signal });
    watcher.onChange(() => {
      images.clear();
      for (const { spec } of watcher.list()) images.add(spec.containers[0]?.image ?? "");
      mixed ||= images.size > 1;
    });
    const present = await client.get(resources.deployments, "backend", "ns");
    await client.update(resources.deployments, {
      ...present,
      spec: { ...present.spec, template: deployment("v2").spec.template },
    });
    await settled(client);
    assert.deepEqual(new Set((await podsIn(client)).map(({ spec }) => spec.containers[0]?.image)), new Set(["v2"]));
    assert.equal(mixed, false);
  });

  test(`${name}: scaling down and deleting: the garbage collector follows owners`, async (t) => {
    const { client, errors } = await start(t, { open });
    await client.create(resources.deployments, deployment("v1", { replicas: 5 }));
    await settled(client);
    await client.patch(
      resources.deployments,
      { name: "backend", namespace: "ns" },
      { spec: { replicas: 2 } },
      { type: "merge" },
    );
    await settled(client);
    await until(async () => (await podsIn(client)).length === 2);
    await client.delete(resources.deployments, { name: "backend", namespace: "ns" });
    await until(async () => (await podsIn(client)).length === 0);
    assert.equal((await client.list(resources.replicaSets, { namespace: "ns" })).items.length, 0);
    assert.deepEqual(errors, []);
  });

  test(`${name}: deletion in the foreground waits for dependents; orphans stay`, async (t) => {
    const { client } = await start(t, { open });
    await client.create(resources.deployments, deployment("v1"));
    await settled(client);
    await client.delete(
      resources.deployments,
      { name: "backend", namespace: "ns" },
      { propagationPolicy: "Foreground" },
    );
    await until(async () => client.get(resources.deployments, "backend", "ns").then(() => undefined, isNotFound));
    assert.equal((await podsIn(client)).length, 0);
    await client.create(resources.deployments, deployment("v1"));
    await settled(client);
    await client.delete(resources.deployments, { name: "backend", namespace: "ns" }, { propagationPolicy: "Orphan" });
    await until(async () => client.get(resources.deployments, "backend", "ns").then(() => undefined, isNotFound));
    const replicaSets = (await client.list(resources.replicaSets, { namespace: "ns" })).items;
    assert.equal(replicaSets.length, 1);
    assert.deepEqual(replicaSets[0]?.metadata.ownerReferences ?? [], []);
    assert.equal((await podsIn(client)).length, 3);
  });

  test(`${name}: a DaemonSet has one Pod on each Node, also on one that comes later, and rolls over`, async (t) => {
    const { client, errors } = await start(t, { open });
    const template = (image: string) => ({
      metadata: { labels: { app: "d" } },
      spec: { containers: [{ name: "c", image }] },
    });
    const daemonSet: DaemonSet = {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: { name: "d", namespace: "ns" },
      spec: { selector: { matchLabels: { app: "d" } }, template: template("v1") },
    };
    const created = await client.create(resources.daemonSets, daemonSet);
    await until(async () => (await client.get(resources.daemonSets, "d", "ns")).status?.numberReady === 2);
    await addNode(client, "n3");
    await until(async () => (await client.get(resources.daemonSets, "d", "ns")).status?.numberReady === 3);
    assert.deepEqual((await podsIn(client)).map(({ spec }) => spec.nodeName).sort(), ["n1", "n2", "n3"]);
    await client.update(resources.daemonSets, {
      ...created,
      metadata: { name: "d", namespace: "ns" },
      spec: { ...created.spec, template: template("v2") },
    });
    await until(async () => (await client.get(resources.daemonSets, "d", "ns")).status?.updatedNumberScheduled === 3);
    assert.equal((await podsIn(client)).length, 3);
    assert.deepEqual(errors, []);
  });

  test(`${name}: a Pod that fits nowhere says why, and is bound when a Node fits`, async (t) => {
    const { client } = await start(t, { open, nodeNames: ["n1"] });
    await client.create(resources.pods, {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p", namespace: "ns" },
      spec: { nodeSelector: { disk: "ssd" }, containers: [{ name: "c", image: "v1" }] },
    });
    const condition = await until(async () => (await client.get(resources.pods, "p", "ns")).status?.conditions?.[0]);
    assert.equal(
      condition.message,
      "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
    );
    await until(async () =>
      (await client.list(resources.events)).items.some(({ reason }) => reason === "FailedScheduling"),
    );
    await addNode(client, "n2", { disk: "ssd" });
    await until(async () => (await client.get(resources.pods, "p", "ns")).spec.nodeName === "n2");
  });

  test(`${name}: a deleted namespace is emptied and goes; others have their account and CA`, async (t) => {
    const { client } = await start(t, { open });
    await client.create(resources.services, service("backend"));
    await client.create(resources.deployments, deployment("v1"));
    await settled(client);
    await until(
      async () => (await client.get(resources.configMaps, "kube-root-ca.crt", "ns")).data?.["ca.crt"] === "PEM",
    );
    await client.delete(resources.namespaces, { name: "ns" });
    await until(async () => client.get(resources.namespaces, "ns").then(() => undefined, isNotFound));
    for (const resource of [
      resources.pods,
      resources.services,
      resources.endpointSlices,
      resources.configMaps,
      resources.events,
    ]) {
      assert.equal(
        (await client.list(resource as resources.Resource, { namespace: "ns" })).items.length,
        0,
        resource.plural,
      );
    }
  });

  test(`S100 ${name}: default/kubernetes points to the API server and is repaired`, async (t) => {
    const { client } = await start(t, { open });
    const address = async () =>
      (await client.get(resources.endpoints, "kubernetes", "default")).subsets?.[0]?.addresses?.[0]?.ip;
    await until(async () => (await address()) === "172.18.0.1");
    await client.delete(resources.endpoints, { name: "kubernetes", namespace: "default" });
    await until(async () => (await address()) === "172.18.0.1");
    const slice = await client.get(resources.endpointSlices, "kubernetes", "default");
    assert.deepEqual(slice.endpoints[0]?.addresses, ["172.18.0.1"]);
    assert.equal((await client.get(resources.services, "kubernetes", "default")).spec.clusterIP, "10.96.0.1");
  });

  test(`${name}: Pods of a Node that is gone are removed and made elsewhere`, async (t) => {
    const { client } = await start(t, { open });
    await client.create(resources.deployments, deployment("v1"));
    await settled(client);
    await client.delete(resources.nodes, { name: "n2" });
    await until(async () => {
      const pods = await podsIn(client);
      return pods.length === 3 && pods.every(({ spec }) => spec.nodeName === "n1");
    });
  });

  test(`E49 E54 ${name}: users' own Endpoints of a Service without selector are mirrored`, async (t) => {
    const { client, errors } = await start(t, { open });
    const { selector: _, ...spec } = service("own").spec;
    await client.create(resources.services, { ...service("own"), spec });
    const subsets = [
      {
        addresses: [{ ip: "192.0.2.1" }],
        notReadyAddresses: [{ ip: "192.0.2.2" }],
        ports: [{ name: "a", port: 8080 }],
      },
    ];
    const own = { apiVersion: "v1", kind: "Endpoints", metadata: { name: "own", namespace: "ns" }, subsets } as const;
    await client.create(resources.endpoints, { ...own, metadata: { ...own.metadata }, subsets });
    const [slice] = await until(async () => {
      const found = await slicesOf(client, "own");
      return found.length === 1 && found;
    });
    const shown = slice?.endpoints.map(({ addresses, conditions }) => [addresses[0], conditions?.ready]);
    assert.deepEqual(shown, [
      ["192.0.2.1", true],
      ["192.0.2.2", false],
    ]);
    const changed = [{ addresses: [{ ip: "192.0.2.3" }], ports: [{ name: "a", port: 8081 }] }];
    await client.patch(resources.endpoints, own.metadata, { subsets: changed }, { type: "merge" });
    await until(async () => {
      const found = await slicesOf(client, "own");
      return (
        found.length === 1 &&
        found[0]?.ports?.[0]?.port === 8081 &&
        found[0]?.endpoints[0]?.addresses[0] === "192.0.2.3"
      );
    });
    await client.delete(resources.endpoints, own.metadata);
    await until(async () => (await slicesOf(client, "own")).length === 0);
    assert.deepEqual(errors, []);
  });

  test(`${name}: a silent Node loses its readiness, its Pods' and new Pods, and gets them back`, async (t) => {
    const { client } = await start(t, { open, nodeNames: ["n1"], nodeGraceMs: 500 });
    let silent = false;
    const renewal = setInterval(() => {
      if (!silent) void renew(client, "n1").catch(() => {});
    }, 30);
    t.after(() => clearInterval(renewal));
    await client.create(resources.deployments, deployment("v1"));
    await settled(client);
    silent = true;
    const taints = async () =>
      (await client.get(resources.nodes, "n1")).spec?.taints?.map(({ key, effect }) => `${key} ${effect}`);
    await until(async () => (await taints())?.includes("node.kubernetes.io/unreachable NoExecute"));
    const readyOf = ({ status }: Pod) => status?.conditions?.find(({ type }) => type === "Ready")?.status;
    await until(async () => (await podsIn(client)).every((pod) => readyOf(pod) === "False"));
    silent = false;
    await renew(client, "n1");
    const change = (present: Node) => ({
      ...present,
      status: { ...present.status, conditions: [{ type: "Ready", status: "True" }] },
    });
    await retryOnConflict(client, resources.nodes, { name: "n1", subresource: "status", change });
    await until(async () => ((await taints()) ?? []).length === 0);
  });
}
