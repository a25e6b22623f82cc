import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { type Kubectl, skip, startKubectl } from "./run-kubectl.ts";

const manifest = `
apiVersion: v1
kind: Service
metadata:
  name: backend
  labels: {app: backend}
spec:
  selector: {app: backend}
  ports:
  - {name: http, port: 80, targetPort: 8080}
---
apiVersion: v1
kind: Service
metadata:
  name: web-nodeport
spec:
  type: NodePort
  selector: {app: web}
  ports:
  - {port: 80, nodePort: 31080}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: backend
spec:
  replicas: 3
  selector: {matchLabels: {app: backend}}
  template:
    metadata: {labels: {app: backend}}
    spec:
      containers:
      - {name: c, image: busybox}
`;

describe("kubectl", { skip }, async () => {
  if (skip) return;
  const kubectl: Kubectl = await startKubectl();
  after(() => kubectl.close());
  const { ok, run } = kubectl;

  test("apply makes, then finds nothing to do, then changes what differs", async () => {
    const first = await ok("apply -f -", { input: manifest });
    assert.equal(first, "service/backend created\nservice/web-nodeport created\ndeployment.apps/backend created\n");
    const again = await ok("apply -f -", { input: manifest });
    assert.equal(again.match(/ unchanged/g)?.length, 3);
    const changed = await ok("apply -f -", { input: manifest.replace("targetPort: 8080", "targetPort: 8081") });
    assert.match(changed, /service\/backend configured/);
    assert.equal(await ok("get svc backend -o jsonpath={.spec.ports[0].targetPort}"), "8081");
  });

  test("get in its forms", async () => {
    const wide = await ok("get svc,deploy -o wide");
    assert.match(wide, /^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE +SELECTOR$/m);
    assert.match(wide, /^service\/web-nodeport +NodePort +10\.96\.\d+\.\d+ +<none> +80:31080\/TCP +\S+ +app=web$/m);
    assert.match(wide, /^deployment\.apps\/backend +0\/3 +0 +0 +\S+ +c +busybox +app=backend$/m);
    assert.match(await ok("get svc backend -o yaml"), /^ {2}clusterIP: 10\.96\./m);
    assert.equal(JSON.parse(await ok("get svc -o json")).items.length, 2);
    assert.equal(await ok("get svc -l app=backend -o name"), "service/backend\n");
    assert.equal(await ok("get svc --field-selector metadata.name=web-nodeport -o name"), "service/web-nodeport\n");
    assert.match(await ok("get svc -A --sort-by=.metadata.name"), /^NAMESPACE +NAME/);
    assert.match(await ok("get svc web-nodeport -o custom-columns=P:.spec.ports[0].nodePort"), /^P\n31080\n$/);
    const missing = await run(["get", "svc", "absent"]);
    assert.deepEqual([missing.code, missing.err], [1, 'Error from server (NotFound): services "absent" not found\n']);
  });

  test("describe shows a Service with its events", async () => {
    const { metadata } = JSON.parse(await ok("get svc backend -o json"));
    const involvedObject = { kind: "Service", namespace: "default", name: "backend", uid: metadata.uid };
    const event = {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: "backend.1" },
      involvedObject,
      type: "Normal",
      reason: "Tried",
      message: "It was tried",
      source: { component: "test" },
      firstTimestamp: metadata.creationTimestamp,
      lastTimestamp: metadata.creationTimestamp,
      count: 1,
    };
    await ok("create -f -", { input: JSON.stringify(event) });
    const text = await ok("describe svc backend");
    assert.match(text, /^TargetPort: +8081\/TCP$/m);
    assert.match(text, /Normal +Tried +\S+ +test +It was tried/);
    assert.match(await ok("describe deploy backend"), /^Replicas: +3 desired/m);
    assert.match(await ok("get events"), /Tried/);
  });

  test("label, annotate, patch of three kinds, scale, edit, replace, set image", async () => {
    await ok("label svc backend tier=back");
    await ok("annotate svc backend note=x");
    assert.equal(await ok("get svc backend -o jsonpath={.metadata.labels.tier}{.metadata.annotations.note}"), "backx");
    await run(["patch", "svc", "backend", "-p", '{"spec":{"sessionAffinity":"ClientIP"}}']);
    assert.equal(
      await ok("get svc backend -o jsonpath={.spec.sessionAffinityConfig.clientIP.timeoutSeconds}"),
      "10800",
    );
    await run(["patch", "svc", "backend", "--type=merge", "-p", '{"metadata":{"labels":{"tier":null}}}']);
    assert.equal(await ok("get svc backend -o jsonpath={.metadata.labels}"), '{"app":"backend"}');
    const json = '[{"op":"replace","path":"/spec/ports/0/port","value":81}]';
    await run(["patch", "svc", "backend", "--type=json", "-p", json]);
    assert.equal(await ok("get svc backend -o jsonpath={.spec.ports[0].port}"), "81");
    await ok("scale deploy backend --replicas=5");
    assert.equal(await ok("get deploy backend -o jsonpath={.spec.replicas}"), "5");
    await ok("edit svc backend", { env: { KUBE_EDITOR: "sed -i s/port:.81/port:\\ 82/" } });
    assert.equal(await ok("get svc backend -o jsonpath={.spec.ports[0].port}"), "82");
    const object = JSON.parse(await ok("get svc backend -o json"));
    object.metadata.labels.replaced = "yes";
    assert.equal(await ok("replace -f -", { input: JSON.stringify(object) }), "service/backend replaced\n");
    await ok("set image deploy/backend c=busybox:2");
    assert.equal(await ok("get deploy backend -o jsonpath={.spec.template.spec.containers[0].image}"), "busybox:2");
  });

  test("create in the forms of its subcommands, expose, run", async () => {
    await ok("create namespace extra");
    await ok("create configmap cm --from-literal=a=b -n extra");
    await ok("create secret generic s --from-literal=a=b -n extra");
    await ok("create serviceaccount sa -n extra");
    await ok("create deployment d --image=busybox --replicas=2 -n extra");
    await ok("create service nodeport np --tcp=80:8080 -n extra");
    await ok("create service externalname en --external-name=example.com -n extra");
    await ok("expose deployment d --port=80 --target-port=8080 -n extra");
    await ok("run p --image=busybox --env=A=B -n extra --command -- sleep 1");
    assert.equal(await ok("get cm cm -n extra -o jsonpath={.data.a}"), "b");
    assert.equal(await ok("get pod p -n extra -o jsonpath={.spec.containers[0].env[0].value}"), "B");
    assert.match(await ok("get svc -n extra"), /^en +ExternalName +<none> +example\.com +<none>/m);
    assert.match(await ok("get svc np -n extra -o jsonpath={.spec.ports[0].nodePort}"), /^3\d{4}$/);
  });

  test("explain, api-resources, api-versions, version, cluster readiness", async () => {
    assert.match(await ok("explain service.spec.ports"), /nodePort\s+<integer>/);
    assert.match(await ok("api-resources"), /^endpointslices +discovery\.k8s\.io\/v1 +true +EndpointSlice$/m);
    assert.match(await ok("api-versions"), /^apps\/v1$/m);
    assert.match(await ok("version"), /Server Version: .*v1\.36\.0\+fairlead/);
    assert.equal(await ok("get --raw /readyz"), "ok");
  });

  test("server-side apply, its conflict, and force", async () => {
    const input = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ssa}\ndata: {a: one}\n";
    const first = await ok("apply --server-side -f -", { input });
    assert.equal(first, "configmap/ssa serverside-applied\n");
    const other = input.replace("one", "two");
    const conflict = await run(["apply", "--server-side", "--field-manager=other", "-f", "-"], { input: other });
    assert.equal(conflict.code, 1);
    assert.match(conflict.err, /conflict with "kubectl": \.data\.a/);
    await ok("apply --server-side --field-manager=other --force-conflicts -f -", { input: other });
    assert.equal(await ok("get cm ssa -o jsonpath={.data.a}"), "two");
  });

  test("from client-side to server-side apply and on", async () => {
    const config = (more: string): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: moved${more}}\ndata: {a: one}\n`;
    await ok("apply -f -", { input: config(", annotations: {note: x}") });
    await ok("apply --server-side -f -", { input: config(", annotations: {note: x}") });
    await ok("apply --server-side -f -", { input: config("") });
    assert.equal(await ok("get cm moved -o jsonpath={.metadata.annotations.note}{.data.a}"), "one");
    await ok("apply --server-side -f -", { input: config("").replace("data: {a: one}", "") });
    assert.equal(await ok("get cm moved -o jsonpath={.data}"), "");
  });

  test("lists in chunks, diff, wait, watch", async () => {
    const one = (name: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`;
    await ok("create -f -", { input: Array.from({ length: 12 }, (_, index) => one(`chunk-${index}`)).join("---\n") });
    const items = [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "chunk-in-list" } }];
    const list = JSON.stringify({ apiVersion: "v1", kind: "List", items });
    assert.equal(await ok("apply -f -", { input: list }), "configmap/chunk-in-list created\n");
    const chunked = await ok("get cm --chunk-size=5 -o name");
    assert.equal(chunked.match(/configmap\/chunk-/g)?.length, 13);
    const changed = manifest.replace("replicas: 3", "replicas: 9");
    const diff = await run(["diff", "-f", "-"], { input: changed });
    assert.deepEqual([diff.code, /^\+ {2}replicas: 9$/m.test(diff.out)], [1, true]);
    const waiting = ok("wait --for=jsonpath={.data.done}=yes cm/chunk-0 --timeout=10s");
    await run(["patch", "cm", "chunk-0", "--type=merge", "-p", '{"data":{"done":"yes"}}']);
    assert.equal(await waiting, "configmap/chunk-0 condition met\n");
    const watching = run(["get", "cm", "chunk-1", "-w", "--request-timeout=3s"]);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await run(["patch", "cm", "chunk-1", "--type=merge", "-p", '{"data":{"seen":"yes"}}']);
    assert.match((await watching).out, /^chunk-1 +0 +\S+\nchunk-1 +1 +\S+$/m);
  });

  test("delete by name, by selector, with waiting; namespaces stay Terminating until they are emptied", async () => {
    assert.match(await ok("delete svc web-nodeport"), /^service "web-nodeport" deleted/);
    assert.match(await ok("delete svc,deploy -l app=backend"), /service "backend" deleted/);
    assert.match(await ok("delete cm --all"), /configmap "ssa" deleted/);
    await ok("delete ns extra --wait=false");
    assert.match(await ok("get ns extra"), /extra +Terminating/);
  });

  test("bad input gets one sentence", async () => {
    const lost =
      "apiVersion: v1\nkind: Service\nmetadata:\nname: backend\nspec:\nselector:\napp: backend\nports:\n- port: 80\n";
    const pasted = await run(["create", "--validate=false", "-f", "-"], { input: lost });
    assert.equal(pasted.code, 1);
    assert.match(pasted.err, /indentation|name/);
    const unknown = manifest.replace("targetPort", "tragetPort");
    const strict = await run(["apply", "-f", "-"], { input: unknown });
    assert.match(strict.err, /unknown field "spec\.ports\[0\]\.tragetPort"/);
    const taken = manifest.replaceAll("backend", "other").replace("web-nodeport", "o2").replace("31080", "29999");
    const range = await run(["apply", "-f", "-"], { input: taken });
    assert.match(range.err, /provided port is not in the valid range. The range of valid ports is 30000-32767/);
  });
});
