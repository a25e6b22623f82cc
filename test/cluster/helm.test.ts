/** Helm, as it is: a chart with a CustomResourceDefinition, an object of it, a Service and a Deployment is installed, upgraded, rolled back. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { skipReason, startCluster, type TestCluster } from "./harness.ts";

const helm = process.env.HELM ?? "helm";
const missing = spawnSync(helm, ["version"]).status !== 0;
const skip = skipReason || (missing && "helm is not installed (or name it in HELM)");

const chart: Readonly<Record<string, string>> = {
  "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\nappVersion: '1'\n",
  "values.yaml": "replicas: 1\nport: 80\n",
  "crds/coupon.yaml": `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: coupons.shop.example.com }
spec:
  group: shop.example.com
  scope: Namespaced
  names: { kind: Coupon, plural: coupons, singular: coupon }
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: { spec: { type: object, properties: { percent: { type: integer, maximum: 100 } } } }
`,
  "templates/coupon.yaml": `
apiVersion: shop.example.com/v1
kind: Coupon
metadata: { name: {{ .Release.Name }} }
spec: { percent: {{ mul .Values.replicas 10 }} }
`,
  "templates/service.yaml": `
apiVersion: v1
kind: Service
metadata: { name: {{ .Release.Name }} }
spec:
  selector: { app: {{ .Release.Name }} }
  ports: [{ port: {{ .Values.port }}, targetPort: 8080 }]
`,
  "templates/deployment.yaml": `
apiVersion: apps/v1
kind: Deployment
metadata: { name: {{ .Release.Name }} }
spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }} } }
    spec: { containers: [{ name: web, image: fairlead/echo }] }
`,
  "templates/NOTES.txt": "http://{{ .Release.Name }}:{{ .Values.port }}\n",
};

describe("helm", { skip }, () => {
  let cluster: TestCluster;
  before(() => {
    cluster = startCluster();
    for (const [name, text] of Object.entries(chart)) {
      const path = join(cluster.dir, "chart", name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
  });
  after(() => cluster?.stop());

  /** Runs to its end and must succeed. */
  function run(...args: string[]): string {
    const { status, stdout, stderr } = spawnSync(helm, args, {
      cwd: cluster.dir,
      env: cluster.env,
      encoding: "utf8",
      timeout: 90_000,
    });
    assert.equal(status, 0, `helm ${args.join(" ")}: ${stderr}${stdout}`);
    assert.doesNotMatch(stderr, /warn|error/i, `helm ${args.join(" ")}`);
    return stdout;
  }
  const fact = (kind: string, path: string): string => cluster.ok("get", kind, "shop", "-o", `jsonpath={${path}}`);
  const facts = () => ({
    replicas: fact("deployment", ".status.readyReplicas"),
    port: fact("service", ".spec.ports[0].port"),
    percent: fact("coupon", ".spec.percent"),
  });

  test("install waits until the Deployment is ready, and the Service answers", () => {
    assert.match(run("install", "shop", "chart", "--wait", "--timeout", "60s"), /STATUS: deployed/);
    assert.deepEqual(facts(), { replicas: "1", port: "80", percent: "10" });
    assert.match(cluster.shell("--", "curl", "-sS", "--max-time", "5", "http://shop").stdout, /^shop-/);
  });

  test("upgrade changes what the values changed, and keeps the Service's address", () => {
    const address = fact("service", ".spec.clusterIP");
    run("upgrade", "shop", "chart", "--set", "replicas=2,port=81", "--wait", "--timeout", "60s");
    assert.deepEqual(facts(), { replicas: "2", port: "81", percent: "20" });
    assert.equal(fact("service", ".spec.clusterIP"), address);
  });

  test("rollback returns to the first revision; history, list and manifest tell it", () => {
    run("rollback", "shop", "1", "--wait", "--timeout", "60s");
    assert.deepEqual(facts(), { replicas: "1", port: "80", percent: "10" });
    const history = JSON.parse(run("history", "shop", "-o", "json")) as { revision: number; status: string }[];
    assert.deepEqual(
      history.map(({ revision, status }) => [revision, status]),
      [
        [1, "superseded"],
        [2, "superseded"],
        [3, "deployed"],
      ],
    );
    assert.match(run("list", "-A"), /shop\s+default\s+3/);
    assert.match(run("get", "manifest", "shop"), /kind: Coupon/);
  });

  test("uninstall takes everything away but the definition", () => {
    run("uninstall", "shop", "--wait", "--timeout", "60s");
    const left = cluster.ok(
      "get",
      "service,deployment,coupon",
      "-l",
      "app.kubernetes.io/managed-by=Helm",
      "-o",
      "name",
    );
    assert.equal(left, "");
    assert.equal(cluster.ok("get", "coupons", "-o", "name"), "");
    assert.match(cluster.ok("get", "crd", "-o", "name"), /coupons\.shop\.example\.com/);
  });
});
