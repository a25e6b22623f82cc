import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer } from "../testing.ts";

const server = await startTestServer({ config: { enabledAdmission: ["DenyServiceExternalIPs"] } });
after(() => server.close());

const services = "/api/v1/namespaces/default/services";
const write = (method: string, path: string, externalIPs: string[]) =>
  server.ask(method, path, { body: { metadata: { name: "web" }, spec: { ports: [{ port: 80 }], externalIPs } } });

test("S38 with DenyServiceExternalIPs a Service gets no external IP that it had not before", async () => {
  const { code, body } = await write("POST", services, ["192.0.2.1"]);
  const denied = 'services "web" is forbidden: Use of external IPs is denied by admission control';
  assert.deepEqual([code, body.message], [403, denied]);
  assert.equal((await write("POST", services, [])).code, 201);
  assert.equal((await write("PUT", `${services}/web`, ["192.0.2.1"])).code, 403);
  const open = await startTestServer({ store: server.store });
  const path = `${services}/web`;
  const body2 = { spec: { externalIPs: ["192.0.2.1", "192.0.2.2"] } };
  await open.ask("PATCH", path, { body: body2, type: "application/merge-patch+json" });
  await open.close();
  assert.equal((await write("PUT", path, ["192.0.2.2", "192.0.2.3"])).code, 403);
  assert.equal((await write("PUT", path, ["192.0.2.2"])).code, 200, "it may have fewer");
});
