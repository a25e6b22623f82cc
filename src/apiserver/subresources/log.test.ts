import assert from "node:assert/strict";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { startTestServer } from "../testing.ts";

const server = await startTestServer();
const { ask, pki } = server;
const asked: string[] = [];

/** The node's side of the protocol: HTTPS with the cluster's certificates on both ends. */
const { certificate: cert, key } = pki.client("node-n1");
const agent = createServer(
  { cert, key, ca: pki.ca, requestCert: true, rejectUnauthorized: true },
  (request, response) => {
    asked.push(`${(request.socket as TLSSocket).getPeerCertificate().subject.CN} ${request.url}`);
    if (request.url?.includes("/waiting?")) {
      response.writeHead(400).end('container "waiting" in pod "p" is waiting to start: ContainerCreating\n');
      return;
    }
    response.writeHead(200);
    response.write("one\n");
    setTimeout(() => response.end("two\n"), 50);
  },
);
await new Promise<void>((resolve) => agent.listen(0, "127.0.0.1", resolve));
after(async () => {
  agent.close();
  agent.closeAllConnections();
  await server.close();
});

const pods = "/api/v1/namespaces/default/pods";
const containers = ["c", "waiting"].map((name) => ({ name, image: "x" }));
const pod = (name: string, nodeName?: string) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name },
  spec: { containers, ...(nodeName ? { nodeName } : {}) },
});
const { port } = agent.address() as AddressInfo;
const status = {
  addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
  daemonEndpoints: { kubeletEndpoint: { Port: port } },
};
const node = { apiVersion: "v1", kind: "Node", metadata: { name: "n1" } };
await ask("POST", "/api/v1/nodes", { body: node });
await ask("PATCH", "/api/v1/nodes/n1/status", { type: "application/merge-patch+json", body: { status } });
await ask("POST", pods, { body: pod("p", "n1") });
await ask("POST", pods, { body: pod("unbound") });

test("a log comes from the node's agent, with the options that were asked for", async () => {
  const { code, text, headers } = await ask("GET", `${pods}/p/log?container=c&tailLines=2&odd=1`);
  assert.deepEqual([code, text, headers["content-type"]], [200, "one\ntwo\n", "text/plain"]);
  assert.deepEqual(asked, ["kube-apiserver-kubelet-client /containerLogs/default/p/c?tailLines=2"]);
});

test("what stands in the way of a log is one sentence", async () => {
  const cases = [
    [`${pods}/p/log`, 400, "a container name must be specified for pod p, choose one of: [c waiting]"],
    [`${pods}/p/log?container=x`, 400, "container x is not valid for pod p"],
    [`${pods}/p/log?container=waiting`, 400, 'container "waiting" in pod "p" is waiting to start: ContainerCreating'],
    [`${pods}/unbound/log?container=c`, 400, "pod unbound does not have a host assigned"],
    [`${pods}/none/log`, 404, 'pods "none" not found'],
  ] as const;
  for (const [path, code, message] of cases) {
    const answer = await ask("GET", path);
    assert.deepEqual([answer.code, answer.body?.message ?? answer.text], [code, message], path);
  }
});
