import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer } from "../testing.ts";

const server = await startTestServer({ namespaces: ["default", "other", "kube-system"] });
after(() => server.close());
const { ask } = server;

const configMaps = "/api/v1/namespaces/default/configmaps";
const services = "/api/v1/namespaces/default/services";
const pods = "/api/v1/namespaces/default/pods";
const configMap = (name: string, data: object = {}) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data,
});
const service = (name: string, spec: object) => ({ apiVersion: "v1", kind: "Service", metadata: { name }, spec });
const pod = (name: string, spec: object = {}) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name },
  spec: { containers: [{ name: "c", image: "busybox" }], ...spec },
});

test("create fills the server's metadata; a second create conflicts; get shows what was made", async () => {
  const { code, body } = await ask("POST", configMaps, { body: configMap("one", { a: "1" }) });
  assert.equal(code, 201);
  assert.match(body.metadata.uid, /^[0-9a-f-]{36}$/);
  assert.match(body.metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.match(body.metadata.resourceVersion, /^\d+$/);
  const again = await ask("POST", configMaps, { body: configMap("one") });
  assert.deepEqual(
    [again.code, again.body.reason, again.body.message],
    [409, "AlreadyExists", 'configmaps "one" already exists'],
  );
  const read = await ask("GET", `${configMaps}/one`);
  assert.deepEqual(read.body, body);
});

test("generateName makes a name with five random characters", async () => {
  const { body } = await ask("POST", configMaps, {
    body: { apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "gen-" } },
  });
  assert.match(body.metadata.name, /^gen-[a-z0-9]{5}$/);
});

test("objects cannot be made in a namespace that is not there or is being deleted", async () => {
  const missing = await ask("POST", "/api/v1/namespaces/nowhere/configmaps", { body: configMap("x") });
  assert.deepEqual([missing.code, missing.body.message], [404, 'namespaces "nowhere" not found']);
  await ask("POST", "/api/v1/namespaces", {
    body: { apiVersion: "v1", kind: "Namespace", metadata: { name: "going" } },
  });
  const deleted = await ask("DELETE", "/api/v1/namespaces/going");
  assert.equal(deleted.body.status.phase, "Terminating");
  const closed = await ask("POST", "/api/v1/namespaces/going/configmaps", { body: configMap("x") });
  assert.equal(closed.code, 403);
  assert.match(closed.body.message, /unable to create new content in namespace going because it is being terminated/);
  const { body } = await ask("GET", "/api/v1/namespaces/going");
  await ask("PUT", "/api/v1/namespaces/going/finalize", { body: { ...body, spec: { finalizers: [] } } });
  assert.equal((await ask("GET", "/api/v1/namespaces/going")).code, 404);
});

test("the default namespaces stay", async () => {
  const { code, body } = await ask("DELETE", "/api/v1/namespaces/kube-system");
  assert.deepEqual(
    [code, body.message],
    [403, 'namespaces "kube-system" is forbidden: this namespace may not be deleted'],
  );
});

test("update needs the newest resourceVersion if it names one, and does nothing if nothing differs", async () => {
  const made = (await ask("POST", configMaps, { body: configMap("upd", { a: "1" }) })).body;
  const path = `${configMaps}/upd`;
  const same = await ask("PUT", path, { body: made });
  assert.equal(same.body.metadata.resourceVersion, made.metadata.resourceVersion);
  const changed = await ask("PUT", path, { body: { ...made, data: { a: "2" } } });
  assert.equal(changed.code, 200);
  const stale = await ask("PUT", path, { body: { ...made, data: { a: "3" } } });
  assert.deepEqual([stale.code, stale.body.reason], [409, "Conflict"]);
  assert.match(stale.body.message, /^Operation cannot be fulfilled on configmaps "upd": the object has been modified/);
  const free = await ask("PUT", path, { body: configMap("upd", { a: "4" }) });
  assert.equal(free.body.data.a, "4");
  assert.equal(free.body.metadata.uid, made.metadata.uid);
  assert.equal((await ask("PUT", `${configMaps}/absent`, { body: configMap("absent") })).code, 404);
});

test("status is written only through its subresource, and spec only through the object", async () => {
  const made = (await ask("POST", pods, { body: pod("st") })).body;
  const through = await ask("PUT", `${pods}/st`, { body: { ...made, status: { phase: "Running" } } });
  assert.equal(through.body.status.phase, "Pending");
  const next = { ...through.body, status: { phase: "Running" }, spec: { ...made.spec, nodeName: "n9" } };
  const status = await ask("PUT", `${pods}/st/status`, { body: next });
  assert.equal(status.body.status.phase, "Running");
  assert.equal(status.body.spec.nodeName, undefined);
  assert.equal(status.body.metadata.generation, made.metadata.generation);
});

test("the three patch types, and apply with a conflict", async () => {
  await ask("POST", services, { body: service("pat", { selector: { a: "b" }, ports: [{ name: "x", port: 80 }] }) });
  const path = `${services}/pat`;
  const merge = await ask("PATCH", path, {
    type: "application/merge-patch+json",
    body: { metadata: { labels: { m: "1" } } },
  });
  assert.equal(merge.body.metadata.labels.m, "1");
  const json = await ask("PATCH", path, {
    type: "application/json-patch+json",
    body: [{ op: "replace", path: "/metadata/labels/m", value: "2" }],
  });
  assert.equal(json.body.metadata.labels.m, "2");
  const strategic = await ask("PATCH", path, {
    type: "application/strategic-merge-patch+json",
    body: { spec: { ports: [{ name: "y", port: 81 }] } },
  });
  assert.deepEqual(strategic.body.spec.ports.map(({ port }: { port: number }) => port).sort(), [80, 81]);
  assert.equal(strategic.body.spec.clusterIP, merge.body.spec.clusterIP);
  const wanted = { apiVersion: "v1", kind: "Service", metadata: { name: "pat", labels: { m: "3" } } };
  const apply = (query: string) =>
    ask("PATCH", `${path}?${query}`, { type: "application/apply-patch+yaml", body: wanted });
  const conflict = await apply("fieldManager=me");
  assert.equal(conflict.code, 409);
  assert.match(conflict.body.message, /Apply failed with 1 conflict/);
  const forced = await apply("fieldManager=me&force=true");
  assert.deepEqual([forced.code, forced.body.metadata.labels.m], [200, "3"]);
  const odd = await ask("PATCH", path, { type: "application/x-odd", body: {} });
  assert.equal(odd.code, 415);
});

test("apply makes what is not there", async () => {
  const { code, body } = await ask("PATCH", `${configMaps}/ssa?fieldManager=me`, {
    type: "application/apply-patch+yaml",
    body: "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ssa\ndata:\n  a: b\n",
  });
  assert.equal(code, 201);
  assert.deepEqual([body.metadata.namespace, body.metadata.managedFields[0].operation], ["default", "Apply"]);
});

test("patches of one object by many at once all arrive", async () => {
  await ask("POST", configMaps, { body: configMap("many") });
  const write = (key: number) =>
    ask("PATCH", `${configMaps}/many`, { type: "application/merge-patch+json", body: { data: { [`k${key}`]: "v" } } });
  const answers = await Promise.all(Array.from({ length: 10 }, (_, key) => write(key)));
  assert.deepEqual(
    answers.map(({ code }) => code),
    Array(10).fill(200),
  );
  assert.equal(Object.keys((await ask("GET", `${configMaps}/many`)).body.data).length, 10);
});

test("dryRun=All changes nothing, in the allocator neither", async () => {
  const body = service("dry", { type: "NodePort", ports: [{ port: 80, nodePort: 30500 }] });
  const dry = await ask("POST", `${services}?dryRun=All`, { body });
  assert.equal(dry.code, 201);
  assert.match(dry.body.spec.clusterIP, /^10\.96\./);
  assert.equal((await ask("GET", `${services}/dry`)).code, 404);
  assert.equal((await ask("POST", services, { body })).code, 201);
  const patched = await ask("PATCH", `${services}/dry?dryRun=All`, {
    type: "application/merge-patch+json",
    body: { metadata: { labels: { a: "b" } } },
  });
  assert.equal(patched.body.metadata.labels.a, "b");
  assert.equal((await ask("GET", `${services}/dry`)).body.metadata.labels, undefined);
  assert.equal((await ask("DELETE", `${services}/dry?dryRun=All`)).code, 200);
  assert.equal((await ask("DELETE", `${services}/dry`)).code, 200);
});

test("a deleted Service gives its node port back", async () => {
  const body = service("np", { type: "NodePort", ports: [{ port: 80, nodePort: 30501 }] });
  assert.equal((await ask("POST", services, { body })).code, 201);
  const taken = await ask("POST", services, { body: { ...body, metadata: { name: "np2" } } });
  assert.match(
    taken.body.message,
    /spec.ports\[0\].nodePort: Invalid value: 30501: provided port is already allocated$/,
  );
  await ask("DELETE", `${services}/np`);
  assert.equal((await ask("POST", services, { body: { ...body, metadata: { name: "np2" } } })).code, 201);
});

test("finalizers hold a deleted object; the last one to go removes it", async () => {
  const made = configMap("fin");
  await ask("POST", configMaps, { body: { ...made, metadata: { name: "fin", finalizers: ["example.com/hold"] } } });
  const marked = await ask("DELETE", `${configMaps}/fin`);
  assert.ok(marked.body.metadata.deletionTimestamp);
  const drop = { metadata: { finalizers: null } };
  await ask("PATCH", `${configMaps}/fin`, { type: "application/merge-patch+json", body: drop });
  assert.equal((await ask("GET", `${configMaps}/fin`)).code, 404);
});

test("a bound pod is marked first; its agent's delete with grace 0 removes it", async () => {
  await ask("POST", pods, { body: pod("graceful") });
  const bind = await ask("POST", `${pods}/graceful/binding`, {
    body: { apiVersion: "v1", kind: "Binding", metadata: { name: "graceful" }, target: { kind: "Node", name: "n1" } },
  });
  assert.equal(bind.code, 201);
  const bound = (await ask("GET", `${pods}/graceful`)).body;
  assert.equal(bound.spec.nodeName, "n1");
  assert.equal(bound.status.conditions[0].type, "PodScheduled");
  const second = await ask("POST", `${pods}/graceful/binding`, {
    body: { apiVersion: "v1", kind: "Binding", metadata: { name: "graceful" }, target: { kind: "Node", name: "n2" } },
  });
  assert.equal(second.code, 409);
  const marked = await ask("DELETE", `${pods}/graceful`);
  assert.deepEqual([marked.code, marked.body.metadata.deletionGracePeriodSeconds], [200, 30]);
  const other = await ask("DELETE", `${pods}/graceful`, {
    body: { gracePeriodSeconds: 0, preconditions: { uid: "other" } },
  });
  assert.equal(other.code, 409);
  await ask("DELETE", `${pods}/graceful`, {
    body: { gracePeriodSeconds: 0, preconditions: { uid: bound.metadata.uid } },
  });
  assert.equal((await ask("GET", `${pods}/graceful`)).code, 404);
});

test("eviction deletes", async () => {
  await ask("POST", pods, { body: pod("evicted") });
  const body = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "evicted" } };
  assert.equal((await ask("POST", `${pods}/evicted/eviction`, { body })).code, 201);
  assert.equal((await ask("GET", `${pods}/evicted`)).code, 404);
});

test("scale reads and writes the replicas only", async () => {
  const labels = { app: "d" };
  const spec = {
    replicas: 1,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "c", image: "x" }] } },
  };
  const deployments = "/apis/apps/v1/namespaces/default/deployments";
  assert.equal(
    (
      await ask("POST", deployments, {
        body: { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "d" }, spec },
      })
    ).code,
    201,
  );
  const read = await ask("GET", `${deployments}/d/scale`);
  assert.deepEqual([read.body.kind, read.body.spec.replicas, read.body.status.selector], ["Scale", 1, "app=d"]);
  const written = await ask("PUT", `${deployments}/d/scale`, { body: { ...read.body, spec: { replicas: 4 } } });
  assert.equal(written.body.spec.replicas, 4);
  const patched = await ask("PATCH", `${deployments}/d/scale`, {
    type: "application/merge-patch+json",
    body: { spec: { replicas: 2 } },
  });
  assert.equal(patched.body.spec.replicas, 2);
  const object = (await ask("GET", `${deployments}/d`)).body;
  assert.deepEqual([object.spec.replicas, object.metadata.generation], [2, 3]);
  assert.equal(
    (await ask("PUT", `${deployments}/d/scale`, { body: { ...patched.body, spec: { replicas: -1 } } })).code,
    422,
  );
});

test("deletecollection takes selectors", async () => {
  for (const [name, app] of [
    ["c1", "x"],
    ["c2", "x"],
    ["c3", "y"],
  ] as const) {
    const body = { ...configMap(name), metadata: { name, labels: { app } } };
    await ask("POST", "/api/v1/namespaces/other/configmaps", { body });
  }
  const gone = await ask("DELETE", "/api/v1/namespaces/other/configmaps?labelSelector=app%3Dx");
  assert.equal(gone.body.items.length, 2);
  const left = await ask("GET", "/api/v1/namespaces/other/configmaps");
  assert.deepEqual(
    left.body.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name),
    ["c3"],
  );
});

test("allocation is rebuilt from the store", async (context) => {
  const body = service("kept", { type: "NodePort", clusterIP: "10.96.0.77", ports: [{ port: 80, nodePort: 30777 }] });
  assert.equal((await ask("POST", services, { body })).code, 201);
  const second = await startTestServer({ store: server.store });
  context.after(() => second.close());
  const taken = await second.ask("POST", services, { body: { ...body, metadata: { name: "thief" } } });
  assert.match(taken.body.message, /failed to allocate IP 10.96.0.77: provided IP is already allocated/);
});

test("users without a role are refused in Kubernetes's words; nobody may see health and version", async () => {
  const anonymous = await ask("GET", services, { as: null });
  assert.deepEqual(
    [anonymous.code, anonymous.body.message],
    [
      403,
      'services is forbidden: User "system:anonymous" cannot list resource "services" in API group "" in the namespace "default"',
    ],
  );
  assert.equal((await ask("GET", "/readyz", { as: null })).text, "ok");
  assert.equal((await ask("GET", "/version", { as: null })).body.major, "1");
  assert.equal((await ask("GET", "/metrics", { as: null })).code, 403);
  assert.match((await ask("GET", "/metrics")).text, /apiserver_request_total\{verb="create".*code="201"\} \d+/);
});

test("field validation: a field named twice is refused, warned of, or let be", async () => {
  const body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"twice"},"data":{"a":"1","a":"2"}}';
  const ask3 = (mode: string) => ask("POST", `${configMaps}?dryRun=All&fieldValidation=${mode}`, { body });
  const strict = await ask3("Strict");
  assert.equal(strict.code, 400);
  assert.match(strict.body.message, /strict decoding error: duplicate field "data\.a"$/);
  assert.equal((await ask3("Warn")).headers.warning, '299 - "duplicate field \\"data.a\\""');
  assert.equal((await ask3("Ignore")).headers.warning, undefined);
  await ask("POST", configMaps, { body: configMap("twice") });
  const type = "application/merge-patch+json";
  const patched = await ask("PATCH", `${configMaps}/twice?fieldValidation=Strict`, {
    body: '{"data":{"a":"1","a":"2"}}',
    type,
  });
  assert.deepEqual([patched.code, /duplicate field "data\.a"/.test(patched.body.message)], [422, true]);
});

test("events are shown by two groups, each with its own names", async () => {
  const path = "/apis/events.k8s.io/v1/namespaces/default/events";
  const regarding = { kind: "Pod", name: "p", namespace: "default" };
  const body = {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { name: "started" },
    eventTime: "2026-01-02T03:04:05.000000Z",
    ...{ reportingController: "example.com/me", reportingInstance: "i", action: "Start", reason: "Started" },
    ...{ note: "It runs", regarding, type: "Normal" },
  };
  const made = await ask("POST", path, { body });
  assert.deepEqual([made.code, made.body.apiVersion, made.body.note], [201, "events.k8s.io/v1", "It runs"]);
  const core = await ask("GET", "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name=p");
  const [event] = core.body.items;
  assert.deepEqual([core.body.apiVersion, event.message, event.involvedObject.name], ["v1", "It runs", "p"]);
  const list = await ask("GET", `${path}?fieldSelector=regarding.name=p`);
  assert.deepEqual([list.body.apiVersion, list.body.items[0].regarding], ["events.k8s.io/v1", regarding]);
  const accept = "application/vnd.kubernetes.protobuf";
  assert.ok((await ask("GET", `${path}/started`, { accept })).raw.includes("events.k8s.io/v1"));
  assert.equal((await ask("DELETE", `${path}/started`)).code, 200);
  assert.equal((await ask("GET", "/api/v1/namespaces/default/events/started")).code, 404);
});

test("reads of Endpoints say that the kind is deprecated", async () => {
  const path = "/api/v1/namespaces/default/endpoints";
  assert.match(String((await ask("GET", path)).headers.warning), /^299 - "v1 Endpoints is deprecated/);
});

test("server-side apply: an annotation that its only manager gives up goes, and metadata stays", async () => {
  const type = "application/apply-patch+yaml";
  const path = `${configMaps}/noted?fieldManager=me`;
  const body = { ...configMap("noted"), metadata: { name: "noted", annotations: { a: "b" } } };
  assert.equal((await ask("PATCH", path, { body, type })).code, 201);
  const { code, body: next } = await ask("PATCH", path, { body: configMap("noted"), type });
  assert.deepEqual([code, next.metadata.annotations, next.metadata.name], [200, undefined, "noted"]);
});

test("what the server adds to an object has no owner", async () => {
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "busybox" }] } };
  const body = { apiVersion: "batch/v1", kind: "Job", metadata: { name: "owned" }, spec: { template } };
  const { metadata, spec } = (await ask("POST", "/apis/batch/v1/namespaces/default/jobs", { body })).body;
  assert.ok(spec.selector.matchLabels["batch.kubernetes.io/controller-uid"]);
  const fields = metadata.managedFields[0].fieldsV1["f:spec"];
  assert.ok(fields["f:completions"] && fields["f:template"]["f:spec"]);
  assert.deepEqual([fields["f:selector"], fields["f:template"]["f:metadata"]], [undefined, undefined]);
  const made = (await ask("POST", services, { body: service("owned", { ports: [{ port: 80 }] }) })).body;
  const { clusterIP: _ip, clusterIPs: _ips, ...first } = made.spec;
  const put = await ask("PUT", `${services}/owned`, {
    body: { ...made, spec: { ...first, sessionAffinity: "ClientIP" } },
  });
  assert.equal(put.body.spec.clusterIP, made.spec.clusterIP);
  assert.ok(!JSON.stringify(put.body.metadata.managedFields).includes("clusterIP"));
});

test("Jobs and ReplicationControllers leave their Pods alone unless a policy is named; Jobs warn of it", async () => {
  const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "busybox" }] } };
  const jobs = "/apis/batch/v1/namespaces/default/jobs";
  const once = { ...template, spec: { ...template.spec, restartPolicy: "Never" } };
  const make = (path: string, apiVersion: string, kind: string, spec: object) =>
    ask("POST", path, { body: { apiVersion, kind, metadata: { name: "parent" }, spec } });
  await make(jobs, "batch/v1", "Job", { template: once });
  const { body, headers } = await ask("DELETE", `${jobs}/parent`);
  assert.deepEqual(body.metadata.finalizers, ["orphan"]);
  assert.match(String(headers.warning), /child pods are preserved by default when jobs are deleted/);
  const asked = await ask("DELETE", `${jobs}/parent?propagationPolicy=Background`);
  assert.deepEqual([asked.code, asked.body.status, asked.headers.warning], [200, "Success", undefined]);
  const controllers = "/api/v1/namespaces/default/replicationcontrollers";
  await make(controllers, "v1", "ReplicationController", { selector: { a: "b" }, template });
  const left = await ask("DELETE", `${controllers}/parent`);
  assert.deepEqual([left.body.metadata.finalizers, left.headers.warning], [["orphan"], undefined]);
});

test("what fairlead does not have says so", async () => {
  const path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
  const scaler = await ask("POST", path, { body: {} });
  assert.equal(scaler.code, 404);
  assert.match(scaler.body.message, /set the number of replicas with "kubectl scale"$/);
  assert.match((await ask("GET", "/apis/metrics.k8s.io/v1beta1/nodes")).body.message, /measures no CPU and memory/);
});

test("a PUT of some kinds must name the revision that it replaces; a patch need not", async () => {
  const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
  const body = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: "one" }, spec: {} };
  const made = (await ask("POST", leases, { body })).body;
  const blind = await ask("PUT", `${leases}/one`, { body });
  assert.equal(blind.code, 422);
  assert.equal(
    blind.body.message,
    'leases.coordination.k8s.io "one" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
  );
  assert.equal((await ask("PUT", `${leases}/one`, { body: made })).code, 200);
  const type = "application/merge-patch+json";
  assert.equal((await ask("PATCH", `${leases}/one`, { body: { spec: { holderIdentity: "me" } }, type })).code, 200);
});

test("the answer to a delete is a Status, or for some kinds the object", async () => {
  const gone = async (path: string, body: { apiVersion: string; kind: string; metadata: { name: string } }) => {
    await ask("POST", path, { body });
    return (await ask("DELETE", `${path}/${body.metadata.name}`)).body.kind;
  };
  assert.equal(await gone(configMaps, configMap("gone")), "Status");
  const storage = {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "gone" },
    provisioner: "a.b/c",
  };
  assert.equal(await gone("/apis/storage.k8s.io/v1/storageclasses", storage), "StorageClass");
});
