import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startTestServer } from "./testing.ts";

test("each request is one line: who, what, whether, when", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "fairlead-audit-"));
  t.after(() => rm(dir, { recursive: true }));
  const auditLog = join(dir, "audit.log");
  const server = await startTestServer({ config: { auditLog }, namespaces: [] });
  await server.ask("GET", "/api/v1/namespaces/ns/pods/p/log?container=c");
  await server.ask("GET", "/api/v1/secrets", { headers: { "impersonate-user": "jane" } });
  await server.ask("GET", "/version", { as: null });
  await server.ask("GET", "/version", { as: null, headers: { authorization: "Bearer x" } });
  await server.ask("GET", "/version", { as: "kube-proxy", headers: { "impersonate-user": "jane" } });
  await server.close();
  const events = (await readFile(auditLog, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal((await stat(auditLog)).mode & 0o777, 0o600);
  const [log, secrets, version, refused, acting] = events;
  assert.equal(events.length, 5);
  for (const event of events) {
    assert.deepEqual(
      [event.kind, event.apiVersion, event.level, event.stage],
      ["Event", "audit.k8s.io/v1", "Metadata", "ResponseComplete"],
    );
    assert.match(event.requestReceivedTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    assert.deepEqual(event.sourceIPs, ["127.0.0.1"]);
  }
  assert.equal(log.requestURI, "/api/v1/namespaces/ns/pods/p/log?container=c");
  const objectRef = { resource: "pods", namespace: "ns", name: "p", apiVersion: "v1", subresource: "log" };
  assert.deepEqual([log.verb, log.objectRef, log.responseStatus.code], ["get", objectRef, 404]);
  assert.deepEqual(
    [log.user.username, log.annotations["authorization.k8s.io/decision"]],
    ["kubernetes-admin", "allow"],
  );
  assert.deepEqual([secrets.user.username, secrets.impersonatedUser.username], ["kubernetes-admin", "jane"]);
  assert.deepEqual(
    [secrets.verb, secrets.responseStatus.code, secrets.annotations["authorization.k8s.io/decision"]],
    ["list", 403, "forbid"],
  );
  assert.deepEqual([refused.user.username, refused.responseStatus.code], ["", 401]);
  assert.deepEqual([acting.user.username, acting.responseStatus.code], ["system:kube-proxy", 403]);
  assert.deepEqual([version.verb, version.user.username, version.objectRef], ["get", "system:anonymous", undefined]);
});
