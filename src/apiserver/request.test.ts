import assert from "node:assert/strict";
import { test } from "node:test";
import { formatContinueToken, parseContinueToken } from "./continue-token.ts";
import { answerHealth } from "./health.ts";
import { createMetrics } from "./metrics.ts";
import { negotiate } from "./negotiate.ts";
import { parseResourcePath, verbOf } from "./request.ts";

const paths = [
  ["/api/v1/pods", "GET", "core/v1 pods - - - list"],
  ["/api/v1/namespaces/a/pods/b", "GET", "core/v1 pods a b - get"],
  ["/api/v1/namespaces/a/pods/b/log", "GET", "core/v1 pods a b log get"],
  ["/api/v1/namespaces", "POST", "core/v1 namespaces - - - create"],
  ["/api/v1/namespaces/a", "DELETE", "core/v1 namespaces - a - delete"],
  ["/api/v1/namespaces/a/status", "PUT", "core/v1 namespaces - a status update"],
  ["/api/v1/namespaces/a/finalize", "PUT", "core/v1 namespaces - a finalize update"],
  ["/apis/apps/v1/namespaces/a/deployments", "DELETE", "apps/v1 deployments a - - deletecollection"],
  ["/apis/apps/v1/deployments?watch=1", "GET", "apps/v1 deployments - - - watch"],
  ["/api/v1/watch/namespaces/a/pods", "GET", "core/v1 pods a - - watch"],
  ["/api/v1/namespaces/a/pods/b%2Fc", "PATCH", "core/v1 pods a b/c - patch"],
] as const;

for (const [text, method, want] of paths) {
  test(`parseResourcePath() reads ${method} ${text}`, () => {
    const url = new URL(text, "https://x");
    const path = parseResourcePath(url.pathname);
    assert.ok(path);
    const { group, version, plural, namespace = "-", name = "-", subresource = "-" } = path;
    const verb = verbOf(method, path, url.searchParams);
    assert.equal(`${group || "core"}/${version} ${plural} ${namespace} ${name} ${subresource} ${verb}`, want);
  });
}

test("parseResourcePath() leaves other paths alone", () => {
  for (const path of ["/", "/version", "/api", "/apis", "/api/v1", "/apis/apps", "/apis/apps/v1"]) {
    assert.equal(parseResourcePath(path), undefined, path);
  }
});

const accepts = [
  ["", "json json"],
  ["*/*", "json json"],
  ["application/vnd.kubernetes.protobuf, application/json", "protobuf json"],
  ["application/json;q=0.5, application/yaml", "yaml json"],
  ["application/yaml;q=0, text/html, */*;q=0.1", "json json"],
  ["application/json;as=Table;v=v1;g=meta.k8s.io,application/json", "json table"],
  ["application/json;as=Table;v=v9;g=meta.k8s.io,application/json", "json json"],
  ["application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json", "json json"],
  ["application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", "json metadata"],
  ["application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", "protobuf metadata"],
] as const;

for (const [accept, wanted] of accepts) {
  test(`negotiate() takes "${accept}" for ${wanted}`, () => {
    const { encoding, form } = negotiate(accept, { schema: "io.k8s.api.core.v1.Pod" });
    assert.equal(`${encoding} ${form}`, wanted);
  });
}

test("negotiate() refuses what it cannot serve, and protobuf for kinds without numbers", () => {
  const custom = { schema: "com.example.v1.Custom" };
  const binary = "application/vnd.kubernetes.protobuf";
  const message = /^Error: only the following media types are accepted: application\/json, application\/yaml$/;
  assert.throws(() => negotiate(binary, custom), message);
  assert.equal(negotiate(`${binary},application/json`, custom).encoding, "json");
  assert.throws(
    () => negotiate("text/html", { schema: "io.k8s.api.core.v1.Pod" }),
    /application\/vnd\.kubernetes\.protobuf$/,
  );
});

test("a continue token comes back as it was, and nothing else is one", () => {
  const place = { revision: 7, after: "default/a" };
  assert.deepEqual(parseContinueToken(formatContinueToken(place)), place);
  for (const text of ["", "x", "e30", Buffer.from('{"v":"meta.k8s.io/v1","rv":0,"start":"a"}').toString("base64url")]) {
    assert.equal(parseContinueToken(text), undefined);
  }
});

test("answerHealth() names what failed", () => {
  const checks = [
    { name: "ping", check: () => true },
    { name: "store", check: () => false },
  ];
  assert.deepEqual(answerHealth("/readyz", checks, { verbose: false }), {
    code: 500,
    text: "[+]ping ok\n[-]store failed\nreadyz check failed\n",
  });
  assert.deepEqual(answerHealth("/readyz/ping", checks, { verbose: false }), { code: 200, text: "ok" });
  assert.equal(answerHealth("/readyz/odd", checks, { verbose: false }), undefined);
});

test("metrics count requests and add up their times", () => {
  const metrics = createMetrics();
  const labels = { verb: "get", group: "", version: "v1", resource: "pods", subresource: "" };
  metrics.begin(labels)(200, 0.004);
  metrics.begin(labels)(404, 2);
  const text = metrics.format({ extra: 3 });
  const series = 'verb="get",group="",version="v1",resource="pods",subresource=""';
  for (const line of [
    `apiserver_request_total{${series},code="404"} 1`,
    `apiserver_request_duration_seconds_bucket{${series},le="0.005"} 1`,
    `apiserver_request_duration_seconds_bucket{${series},le="+Inf"} 2`,
    `apiserver_request_duration_seconds_count{${series}} 2`,
    'apiserver_current_inflight_requests{request_kind="readOnly"} 0',
    "extra 3",
  ]) {
    assert.ok(text.includes(`${line}\n`), line);
  }
});
