/** StatefulSets, ReplicationControllers, Jobs, CronJobs and the revisions of DaemonSets, told through any API server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CronJob, DaemonSet, Job, ReplicationController, StatefulSet } from "../../api/object.ts";
import * as resources from "../../api/resource.ts";
import { type ApiClient, isNotFound } from "../../client/client.ts";
import { type Open, podsIn, start, until } from "./cluster.ts";

const template = (app: string, image = "v1") => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: "c", image }] },
});

function statefulSet(spec: Partial<StatefulSet["spec"]> = {}): StatefulSet {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "web", namespace: "ns" },
    spec: {
      replicas: 3,
      serviceName: "web",
      selector: { matchLabels: { app: "web" } },
      template: template("web"),
      podManagementPolicy: "OrderedReady",
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
      ...spec,
    },
  };
}

function job(name: string, image: string, spec: Partial<Job["spec"]> = {}): Job {
  const { spec: podSpec, metadata } = template(name, image);
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, namespace: "ns" },
    spec: {
      parallelism: 1,
      manualSelector: true,
      selector: { matchLabels: { app: name } },
      template: { metadata, spec: { ...podSpec, restartPolicy: "Never" } },
      ...spec,
    },
  };
}

const namesIn = async (client: ApiClient) => (await podsIn(client)).map(({ metadata }) => metadata.name).sort();
const key = { name: "web", namespace: "ns" };
const getSet = (client: ApiClient) => client.get(resources.statefulSets, "web", "ns");
const standing = (client: ApiClient, count: number) =>
  until(async () => {
    const { status, metadata } = await getSet(client);
    const observed = status?.observedGeneration === metadata.generation;
    return observed && status?.availableReplicas === count && status.replicas === count && status;
  });
const conditionsOf = async (client: ApiClient, name: string) =>
  (await client.get(resources.jobs, name, "ns")).status?.conditions?.map(
    ({ type, status, reason }) => `${type}=${status} ${reason}`,
  );

export function testWorkloads(name: string, open: Open): void {
  test(`${name}: a StatefulSet's Pods come in order, keep their names, and go in order`, async (t) => {
    const { client, errors } = await start(t, { open });
    const order: string[] = [];
    await client.create(resources.statefulSets, statefulSet());
    const status = await standing(client, 3);
    for (const pod of await podsIn(client))
      order[Number(pod.metadata.labels?.["apps.kubernetes.io/pod-index"])] = pod.metadata.name;
    assert.deepEqual(order, ["web-0", "web-1", "web-2"]);
    const versions = (await podsIn(client)).map(({ metadata }) => metadata.creationTimestamp ?? "");
    assert.equal(versions.length, 3);
    const second = (await podsIn(client)).find(({ metadata }) => metadata.name === "web-1");
    assert.equal(second?.spec.hostname, "web-1");
    assert.equal(second?.spec.subdomain, "web");
    assert.equal(second?.metadata.labels?.["statefulset.kubernetes.io/pod-name"], "web-1");
    assert.equal(second?.metadata.labels?.["controller-revision-hash"], status.updateRevision);
    assert.equal(status.currentRevision, status.updateRevision);
    await client.delete(resources.pods, { name: "web-1", namespace: "ns" }, { gracePeriodSeconds: 0 });
    await until(async () => {
      const again = (await podsIn(client)).find(({ metadata }) => metadata.name === "web-1");
      return again && again.metadata.uid !== second?.metadata.uid;
    });
    await standing(client, 3);
    await client.patch(resources.statefulSets, key, { spec: { replicas: 1 } }, { type: "merge" });
    await standing(client, 1);
    assert.deepEqual(await namesIn(client), ["web-0"]);
    await client.delete(resources.statefulSets, key);
    await until(async () => (await namesIn(client)).length === 0);
    await until(async () => (await client.list(resources.controllerRevisions, { namespace: "ns" })).items.length === 0);
    assert.deepEqual(errors, []);
  });

  test(`${name}: a StatefulSet rolls over down to its partition, and is rolled back by its revision`, async (t) => {
    const { client, errors } = await start(t, { open });
    await client.create(
      resources.statefulSets,
      statefulSet({
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 2 } },
        ordinals: { start: 5 },
      }),
    );
    const before = await standing(client, 3);
    await client.patch(resources.statefulSets, key, { spec: { template: template("web", "v2") } }, { type: "merge" });
    const images = async () =>
      (await podsIn(client)).map(({ metadata, spec }) => `${metadata.name} ${spec.containers[0]?.image}`).sort();
    await until(async () => (await images()).includes("web-7 v2"));
    const during = await standing(client, 3);
    assert.deepEqual(await images(), ["web-5 v1", "web-6 v1", "web-7 v2"]);
    assert.equal(during.updatedReplicas, 1);
    assert.equal(during.currentReplicas, 2);
    assert.equal(during.currentRevision, before.currentRevision);
    const lost = (await podsIn(client)).find(({ metadata }) => metadata.name === "web-5")?.metadata.uid;
    await client.delete(resources.pods, { name: "web-5", namespace: "ns" }, { gracePeriodSeconds: 0 });
    const again = await until(async () =>
      (await podsIn(client)).find(({ metadata }) => metadata.name === "web-5" && metadata.uid !== lost),
    );
    assert.equal(again.spec.containers[0]?.image, "v1", "below the partition it comes back as it was");
    await standing(client, 3);
    const rollOn = { spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } };
    await client.patch(resources.statefulSets, key, rollOn, { type: "merge" });
    await until(async () => (await images()).every((image) => image.endsWith("v2")));
    await until(async () => {
      const { status } = await getSet(client);
      return status?.currentRevision === status?.updateRevision && status?.currentReplicas === 3;
    });
    const revisions = (await client.list(resources.controllerRevisions, { namespace: "ns" })).items;
    const first = revisions.find(({ revision }) => revision === 1);
    const undo = (first?.data as { spec: { template: { $patch?: string } } } | undefined)?.spec.template;
    assert.equal(undo?.$patch, "replace");
    const { $patch: _, ...former } = undo;
    await client.patch(resources.statefulSets, key, { spec: { template: former } }, { type: "merge" });
    await until(async () => (await images()).every((image) => image.endsWith("v1")));
    const numbers = (await client.list(resources.controllerRevisions, { namespace: "ns" })).items.map(
      (one) => one.revision,
    );
    assert.deepEqual(numbers.sort(), [2, 3], "the former revision is the newest again");
    assert.deepEqual(errors, []);
  });

  test(`${name}: Parallel StatefulSets start at once; one that asks for claims says why it has no Pods`, async (t) => {
    const { client } = await start(t, { open, nodeNames: [] });
    await client.create(resources.statefulSets, statefulSet({ podManagementPolicy: "Parallel" }));
    await until(async () => (await namesIn(client)).length === 3);
    const volumeClaimTemplates = [
      {
        metadata: { name: "data" },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
      },
    ];
    const wishful = statefulSet({
      volumeClaimTemplates,
      selector: { matchLabels: { app: "db" } },
      template: template("db"),
    });
    await client.create(resources.statefulSets, { ...wishful, metadata: { name: "db", namespace: "ns" } });
    const message = await until(async () =>
      (await client.list(resources.events, { namespace: "ns" })).items.find(({ involvedObject, reason }) => {
        return involvedObject.name === "db" && reason === "FailedCreate";
      }),
    );
    assert.match(message.message ?? "", /volumeClaimTemplates "data" asks for a PersistentVolume/);
    assert.equal((await namesIn(client)).length, 3);
  });

  test(`${name}: a ReplicationController keeps its Pods and adopts orphans`, async (t) => {
    const { client, errors } = await start(t, { open });
    const orphan = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "first", namespace: "ns", labels: { app: "rc" } },
    } as const;
    await client.create(resources.pods, { ...orphan, metadata: { ...orphan.metadata }, spec: template("rc").spec });
    const controller: ReplicationController = {
      apiVersion: "v1",
      kind: "ReplicationController",
      metadata: { name: "rc", namespace: "ns" },
      spec: { replicas: 2, selector: { app: "rc" }, template: template("rc") },
    };
    await client.create(resources.replicationControllers, controller);
    const get = () => client.get(resources.replicationControllers, "rc", "ns");
    await until(async () => (await get()).status?.availableReplicas === 2);
    assert.ok((await namesIn(client)).includes("first"));
    for (const { metadata } of await podsIn(client)) {
      assert.equal(metadata.ownerReferences?.[0]?.kind, "ReplicationController");
    }
    await client.delete(
      resources.replicationControllers,
      { name: "rc", namespace: "ns" },
      { propagationPolicy: "Background" },
    );
    await until(async () => (await namesIn(client)).length === 0);
    assert.deepEqual(errors, []);
  });

  test(`${name}: a Job runs as many Pods as it needs, each counted once, and goes after its time`, async (t) => {
    const { client, errors } = await start(t, { open });
    await client.create(resources.jobs, job("work", "succeeds", { completions: 5, parallelism: 2 }));
    const done = await until(async () => {
      const { status } = await client.get(resources.jobs, "work", "ns");
      return status?.completionTime !== undefined && status;
    });
    assert.equal(done.succeeded, 5);
    assert.equal(done.active ?? 0, 0);
    assert.deepEqual(await conditionsOf(client, "work"), [
      "SuccessCriteriaMet=True CompletionsReached",
      "Complete=True CompletionsReached",
    ]);
    assert.equal((await podsIn(client)).length, 5);
    await until(async () => (await podsIn(client)).every(({ metadata }) => (metadata.finalizers ?? []).length === 0));
    const past = { spec: { ttlSecondsAfterFinished: 0 } };
    await client.patch(resources.jobs, { name: "work", namespace: "ns" }, past, { type: "merge" });
    await until(async () => client.get(resources.jobs, "work", "ns").then(() => undefined, isNotFound));
    await until(async () => (await podsIn(client)).length === 0);
    assert.deepEqual(errors, []);
  });

  test(`${name}: an Indexed Job runs each index; one that fails too often stops; a deleted one leaves no Pod`, async (t) => {
    const { client } = await start(t, { open });
    await client.create(
      resources.jobs,
      job("by-index", "succeeds", { completions: 3, parallelism: 3, completionMode: "Indexed" }),
    );
    await until(async () => (await client.get(resources.jobs, "by-index", "ns")).status?.completedIndexes === "0-2");
    const pods = await podsIn(client);
    assert.deepEqual(pods.map(({ spec }) => spec.hostname).sort(), ["by-index-0", "by-index-1", "by-index-2"]);
    assert.equal(pods[0]?.spec.containers[0]?.env?.[0]?.name, "JOB_COMPLETION_INDEX");
    await client.create(resources.jobs, job("bad", "fails", { completions: 1, backoffLimit: 0 }));
    await until(async () => (await conditionsOf(client, "bad"))?.includes("Failed=True BackoffLimitExceeded"));
    assert.equal((await client.get(resources.jobs, "bad", "ns")).status?.failed, 1);
    await client.create(resources.jobs, job("endless", "v1", { completions: 1 }));
    await until(async () => (await client.get(resources.jobs, "endless", "ns")).status?.ready === 1);
    for (const one of ["bad", "endless", "by-index"])
      await client.delete(resources.jobs, { name: one, namespace: "ns" }, { propagationPolicy: "Background" });
    await until(async () => (await podsIn(client)).length === 0);
  });

  test(`${name}: a suspended Job has no Pods until it is resumed`, async (t) => {
    const { client, errors } = await start(t, { open });
    await client.create(resources.jobs, job("later", "v1", { completions: 1, suspend: true }));
    await until(async () => (await conditionsOf(client, "later"))?.includes("Suspended=True JobSuspended"));
    assert.equal((await podsIn(client)).length, 0);
    const name = { name: "later", namespace: "ns" };
    await client.patch(resources.jobs, name, { spec: { suspend: false } }, { type: "merge" });
    await until(async () => (await client.get(resources.jobs, "later", "ns")).status?.ready === 1);
    await client.patch(resources.jobs, name, { spec: { suspend: true } }, { type: "merge" });
    await until(async () => (await podsIn(client)).length === 0);
    const { status } = await until(async () => {
      const present = await client.get(resources.jobs, "later", "ns");
      return (present.status?.active ?? 0) === 0 && present;
    });
    assert.equal(status?.startTime, undefined);
    assert.equal(status?.failed ?? 0, 0, "Pods that the Job ends itself did not fail");
    assert.deepEqual(errors, []);
  });

  test(`${name}: a CronJob starts a Job and follows it`, async (t) => {
    const { client } = await start(t, { open });
    const { spec } = job("tick", "succeeds", { completions: 1 });
    const { selector: _, manualSelector: __, ...plain } = spec;
    const cronJob: CronJob = {
      apiVersion: "batch/v1",
      kind: "CronJob",
      metadata: { name: "tick", namespace: "ns" },
      spec: { schedule: "@every 1s", concurrencyPolicy: "Allow", jobTemplate: { spec: plain } },
    };
    await client.create(resources.cronJobs, cronJob);
    const status = await until(async () => {
      const present = await client.get(resources.cronJobs, "tick", "ns");
      return present.status?.lastScheduleTime !== undefined && present.status;
    });
    assert.ok(status.lastScheduleTime);
    const [started] = (await client.list(resources.jobs, { namespace: "ns" })).items;
    assert.match(started?.metadata.name ?? "", /^tick-\d+$/);
    assert.equal(started?.metadata.ownerReferences?.[0]?.kind, "CronJob");
  });

  test(`${name}: a DaemonSet keeps its revisions, and surges`, async (t) => {
    const { client, errors } = await start(t, { open });
    const daemonSet: DaemonSet = {
      apiVersion: "apps/v1",
      kind: "DaemonSet",
      metadata: { name: "d", namespace: "ns" },
      spec: {
        selector: { matchLabels: { app: "d" } },
        template: template("d"),
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      },
    };
    await client.create(resources.daemonSets, daemonSet);
    const get = () => client.get(resources.daemonSets, "d", "ns");
    await until(async () => (await get()).status?.numberAvailable === 2);
    await client.patch(
      resources.daemonSets,
      { name: "d", namespace: "ns" },
      { spec: { template: template("d", "v2") } },
      { type: "merge" },
    );
    let fewest = 2;
    await until(async () => {
      const { status, metadata } = await get();
      fewest = Math.min(fewest, status?.numberAvailable ?? 0);
      const pods = await podsIn(client);
      const all = pods.length === 2 && pods.every(({ spec }) => spec.containers[0]?.image === "v2");
      return all && status?.observedGeneration === metadata.generation && status?.updatedNumberScheduled === 2;
    });
    assert.equal(fewest, 2, "no Node is without during a surge");
    const revisions = (await client.list(resources.controllerRevisions, { namespace: "ns" })).items;
    assert.deepEqual(revisions.map(({ revision }) => revision).sort(), [1, 2]);
    assert.deepEqual(errors, []);
  });
}
