import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { endpointSlices } from "../../api/resource.ts";
import { objectStoreKey } from "../keys.ts";
import { startTestServer } from "../testing.ts";
import { rewriteLinks, rewriteLocation } from "./proxy-links.ts";
import { splitTarget } from "./proxy-target.ts";

const server = await startTestServer();
const { ask } = server;
const backend = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  if (request.url === "/page") {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end('<p><a href="/next?x=1">größer</a>');
  } else if (request.url === "/moved") response.writeHead(302, { location: "/page" }).end();
  else {
    const { authorization = "none", "x-own": own = "", "x-forwarded-uri": uri } = request.headers;
    response
      .writeHead(201, { "x-answer": "1" })
      .end([request.method, request.url, body, authorization, own, uri].join(" "));
  }
});
await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
after(async () => {
  backend.close();
  backend.closeAllConnections();
  await server.close();
});

const { port } = backend.address() as AddressInfo;
const base = "/api/v1/namespaces/default";
const metadata = { name: "p" };
const ports = [{ name: "http", containerPort: port }];
await ask("POST", `${base}/pods`, { body: { metadata, spec: { containers: [{ name: "c", image: "x", ports }] } } });
const status = { podIP: "127.0.0.1", podIPs: [{ ip: "127.0.0.1" }] };
await ask("PATCH", `${base}/pods/p/status`, { type: "application/merge-patch+json", body: { status } });
const servicePorts = [
  { name: "web", port: 80 },
  { name: "other", port: 81 },
];
await ask("POST", `${base}/services`, { body: { metadata: { name: "s" }, spec: { ports: servicePorts } } });
const slice = {
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: "s-1", namespace: "default", labels: { "kubernetes.io/service-name": "s" } },
  addressType: "IPv4",
  ports: [{ name: "web", port, protocol: "TCP" }],
  endpoints: [
    {
      addresses: ["127.0.0.1"],
      conditions: { ready: true },
      targetRef: { kind: "Pod", namespace: "default", name: "p" },
    },
  ],
};
// The API takes no loopback address in a slice.
await server.store.create(objectStoreKey(endpointSlices, "default", "s-1"), () => Buffer.from(JSON.stringify(slice)));

test("requests are handed on with method, path, query and body, but without credentials", async () => {
  for (const place of ["pods/p", `pods/p:${port}`, "pods/http:p:http", "services/s:web", "services/http:s:80"]) {
    const { code, text, headers } = await ask("PUT", `${base}/${place}/proxy/a/b?c=d`, { body: "hello" });
    const want = ["PUT", "/a/b?c=d", "hello", "none", "", `${base}/${place}/proxy/a/b`].join(" ");
    assert.deepEqual([code, text, headers["x-answer"]], [201, want, "1"], place);
  }
  for (const method of ["POST", "PATCH", "DELETE", "OPTIONS"]) {
    assert.match((await ask(method, `${base}/pods/p/proxy/x`)).text, new RegExp(`^${method} /x `));
  }
});

test("a page's links and redirects lead through the proxy, and one without slash is redirected", async () => {
  const page = await ask("GET", `${base}/pods/p/proxy/page`);
  assert.equal(page.text, `<p><a href="${base}/pods/p/proxy/next?x=1">größer</a>`);
  assert.equal((await ask("GET", `${base}/pods/p/proxy/moved`)).headers.location, `${base}/pods/p/proxy/page`);
  const bare = await ask("GET", `${base}/pods/p/proxy?x=1`);
  assert.deepEqual([bare.code, bare.headers.location], [301, `${base}/pods/p/proxy/?x=1`]);
});

test("S118 S119 what stands in the way is one sentence", async () => {
  const cases = [
    ["pods/none/proxy/", 404, 'pods "none" not found'],
    ["pods/p:1/proxy/", 503, /^error trying to reach service: .*ECONNREFUSED/],
    ["pods/p:none/proxy/", 400, 'invalid port "none"'],
    ["services/s:82/proxy/", 503, 'no service port 82 found for service "s"'],
    ["services/s:99999/proxy/", 503, 'no service port 99999 found for service "s"'],
    ["services/s:other/proxy/", 503, 'no endpoints available for service "s"'],
    ["services/ftp:s:web/proxy/", 400, 'invalid service request "ftp:s:web"'],
  ] as const;
  for (const [path, code, message] of cases) {
    const { body, code: got } = await ask("GET", `${base}/${path}`);
    assert.equal(got, code, path);
    assert.match(body.message, typeof message === "string" ? new RegExp(`^${message}$`) : message);
  }
});

const foreign = [
  ["no Pod at all", undefined],
  ["a Pod that is not there", { namespace: "default", name: "gone" }],
  ["a Pod of another namespace", { namespace: "kube-system", name: "p" }],
  ["a Pod with another address", { namespace: "default", name: "elsewhere" }],
] as const;

test("S119 the server connects to no address that is not a Pod's of the namespace", async () => {
  await ask("POST", `${base}/pods`, {
    body: { metadata: { name: "elsewhere" }, spec: { containers: [{ name: "c", image: "x" }] } },
  });
  await ask("POST", `${base}/services`, { body: { metadata: { name: "odd" }, spec: { ports: servicePorts } } });
  for (const [name, targetRef] of foreign) {
    const odd = {
      ...slice,
      metadata: { name: "odd-1", namespace: "default", labels: { "kubernetes.io/service-name": "odd" } },
      endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: true }, targetRef }],
    };
    const key = objectStoreKey(endpointSlices, "default", "odd-1");
    const there = await server.store.get(key);
    if (there) await server.store.delete(key, there.revision, () => there.value);
    await server.store.create(key, () => Buffer.from(JSON.stringify(odd)));
    const { code, body } = await ask("GET", `${base}/services/odd:web/proxy/`);
    assert.deepEqual([code, body.message], [503, 'no endpoints available for service "odd"'], name);
  }
});

test("an exec that asks for no other protocol is refused", async () => {
  await ask("POST", "/api/v1/nodes", { body: { metadata: { name: "n1" } } });
  const addresses = { status: { addresses: [{ type: "InternalIP", address: "127.0.0.1" }] } };
  await ask("PATCH", "/api/v1/nodes/n1/status", { type: "application/merge-patch+json", body: addresses });
  const spec = { nodeName: "n1", containers: [{ name: "c", image: "x" }] };
  await ask("POST", `${base}/pods`, { body: { metadata: { name: "bound" }, spec } });
  const { code, body } = await ask("POST", `${base}/pods/bound/exec?command=ls&stdout=true`);
  assert.deepEqual([code, body.message], [400, "Upgrade request required"]);
});

test("S118 splitTarget() reads name, scheme and port", () => {
  assert.deepEqual(splitTarget("web", "service"), { scheme: "http", name: "web", port: "" });
  assert.deepEqual(splitTarget("web:80", "service"), { scheme: "http", name: "web", port: "80" });
  assert.deepEqual(splitTarget("https:web:", "service"), { scheme: "https", name: "web", port: "" });
});

test("only what leads to the same server is rewritten", () => {
  const rewrite = { prefix: "/p", host: "10.0.0.1:80" };
  const cases = [
    ["/a", "/p/a"],
    ["/p/a", "/p/a"],
    ["a/b", "a/b"],
    ["//cdn/x", "//cdn/x"],
    ["http://10.0.0.1:80/a?b", "/p/a?b"],
    ["https://example.com/a", "https://example.com/a"],
  ] as const;
  for (const [from, to] of cases) assert.equal(rewriteLocation(from, rewrite), to);
  const html = `<img src='/i.png' alt="/no"> href="/text" <FORM ACTION="/go">`;
  assert.equal(rewriteLinks(html, rewrite), `<img src='/p/i.png' alt="/no"> href="/text" <FORM ACTION="/p/go">`);
});
