/** Webhooks that run in Pods, behind Services: the API server asks them about what users write, and has them convert custom resources. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { makeAuthority, makeCertificate } from "../../src/apiserver/certificates.ts";
import { skipReason, startCluster, type TestCluster, until } from "./harness.ts";

/** Answers reviews of all three sorts. */
const program = `
const { createServer } = require("node:https");
const { readFileSync } = require("node:fs");
const [cert, key] = ["tls.crt", "tls.key"].map((name) => readFileSync("/tls/" + name));
const patch = Buffer.from(JSON.stringify([{ op: "add", path: "/metadata/labels", value: { from: "webhook" } }])).toString("base64");
const answers = {
  "/label": () => ({ allowed: true, patchType: "JSONPatch", patch }),
  "/refuse": ({ object }) => object.data.bad
    ? { allowed: false, status: { message: "bad is not wanted" } }
    : { allowed: true, warnings: ["seen by " + process.env.HOSTNAME] },
  "/convert": ({ objects, desiredAPIVersion }) => ({
    result: { status: "Success" },
    convertedObjects: objects.map(({ spec, ...rest }) => ({
      ...rest,
      apiVersion: desiredAPIVersion,
      spec: desiredAPIVersion.endsWith("v1") ? { name: spec.title } : { title: spec.name },
    })),
  }),
};
createServer({ cert, key }, (request, response) => {
  let body = "";
  request.on("data", (chunk) => { body += chunk; });
  request.on("end", () => {
    const { apiVersion, kind, request: asked } = JSON.parse(body);
    const answer = answers[request.url.split("?")[0]](asked);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ apiVersion, kind, response: { uid: asked.uid, ...answer } }));
  });
}).listen(8443);
`;

const indent = (text: string): string => text.replace(/^/gm, "    ");

const manifests = (certificate: string, key: string, ca: string): string => `
apiVersion: v1
kind: Secret
metadata: {name: tls}
stringData:
  tls.crt: |
${indent(certificate)}
  tls.key: |
${indent(key)}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: program}
data:
  main.cjs: |
${indent(program)}
---
apiVersion: v1
kind: Pod
metadata: {name: hook, labels: {app: hook}}
spec:
  containers:
  - name: hook
    image: host
    command: [${JSON.stringify(process.execPath)}, /program/main.cjs]
    readinessProbe: {tcpSocket: {port: 8443}, periodSeconds: 1}
    volumeMounts: [{name: tls, mountPath: /tls}, {name: program, mountPath: /program}]
  volumes: [{name: tls, secret: {secretName: tls}}, {name: program, configMap: {name: program}}]
---
apiVersion: v1
kind: Service
metadata: {name: hook}
spec: {selector: {app: hook}, ports: [{port: 443, targetPort: 8443}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: label}
webhooks:
- name: label.example.com
  clientConfig: {service: {namespace: default, name: hook, path: /label}, caBundle: ${ca}}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
  objectSelector: {matchExpressions: [{key: skip, operator: DoesNotExist}]}
  admissionReviewVersions: [v1]
  sideEffects: None
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: refuse}
webhooks:
- name: refuse.example.com
  clientConfig: {service: {namespace: default, name: hook, path: /refuse}, caBundle: ${ca}}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
  admissionReviewVersions: [v1]
  sideEffects: None
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: books.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: books, kind: Book}
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions: [v1]
      clientConfig: {service: {namespace: default, name: hook, path: /convert}, caBundle: ${ca}}
  versions:
  - {name: v1, served: true, storage: false, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {name: {type: string}}}}}}}
  - {name: v2, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {title: {type: string}}}}}}}
`;

describe("webhooks in Pods", { skip: skipReason }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = startCluster();
    const authority = await makeAuthority();
    const { certificate, key } = await makeCertificate(authority, {
      commonName: "hook",
      hosts: ["hook.default.svc"],
    });
    const ca = Buffer.from(authority.certificate).toString("base64");
    const applied = cluster.apply(manifests(certificate, key, ca));
    assert.equal(applied.code, 0, applied.stderr);
    cluster.ok("wait", "--for=condition=Ready", "pod/hook", "--timeout=20s");
    const ready = (): boolean => cluster.ok("get", "endpointslices", "-o", "wide").includes("8443");
    await until("the Service has its endpoint", ready);
  });
  after(() => cluster?.stop());

  test("what users write is changed, refused and warned of", () => {
    const made = cluster.kubectl("create", "configmap", "good", "--from-literal=a=1");
    assert.deepEqual([made.code, made.stdout], [0, "configmap/good created\n"], made.stderr);
    assert.match(made.stderr, /^Warning: seen by hook$/m);
    assert.equal(cluster.ok("get", "configmap", "good", "-o", "jsonpath={.metadata.labels.from}"), "webhook");
    const refused = cluster.kubectl("create", "configmap", "bad", "--from-literal=bad=1");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /admission webhook "refuse\.example\.com" denied the request: bad is not wanted/);
  });

  test("a custom resource is read and written at both of its versions", () => {
    const book = "apiVersion: example.com/v1\nkind: Book\nmetadata: {name: one}\nspec: {name: First}\n";
    const applied = cluster.apply(book);
    assert.equal(applied.code, 0, applied.stderr);
    assert.equal(cluster.ok("get", "books.v2.example.com", "one", "-o", "jsonpath={.spec.title}"), "First");
    cluster.ok("patch", "books.v2.example.com", "one", "--type=merge", "-p", '{"spec":{"title":"Second"}}');
    assert.equal(cluster.ok("get", "books.v1.example.com", "one", "-o", "jsonpath={.spec.name}"), "Second");
  });

  test("a webhook that is gone stops what it is about, and only that", async () => {
    cluster.ok("delete", "pod", "hook", "--grace-period=0", "--force");
    const create = (): string => cluster.kubectl("create", "configmap", "stopped", "--from-literal=a=1").stderr;
    await until("the endpoint is gone", () => create().includes('no endpoints available for service "hook"'));
    assert.equal(cluster.kubectl("create", "serviceaccount", "free").code, 0);
    cluster.ok("delete", "validatingwebhookconfiguration,mutatingwebhookconfiguration", "--all");
    assert.equal(cluster.kubectl("create", "configmap", "stopped", "--from-literal=a=1").code, 0);
  });
});
