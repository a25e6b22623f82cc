import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { kinds } from "../api/kinds/mod.ts";
import { createLog } from "../lib/log.ts";
import { openInMemory } from "../store/open-store.ts";
import { ensurePki } from "./pki.ts";
import { createApiServer } from "./server.ts";
import { startTestServer } from "./testing.ts";

test("one server listens on several addresses", async (context) => {
  const dir = await mkdtemp(join(tmpdir(), "fairlead-api-"));
  const pki = await ensurePki(dir, { hosts: [], nodes: [] });
  const config = { serviceCidr: "10.96.0.0/16", nodePortRange: { from: 30000, to: 32767 } };
  const server = await createApiServer({ store: openInMemory(), kinds, pki, config, log: createLog(() => {}) });
  context.after(async () => {
    await server.close();
    await rm(dir, { recursive: true });
  });
  const first = await server.listen({ host: "127.0.0.1", port: 0 });
  const second = await server.listen({ host: "127.0.0.1", port: 0 });
  assert.notEqual(first.port, second.port);
  for (const { port } of [first, second]) {
    const [answer] = await once(
      request({ host: "127.0.0.1", port, path: "/readyz", ca: pki.ca, agent: false }).end(),
      "response",
    );
    assert.equal(answer.statusCode, 200);
    answer.resume();
  }
  await assert.rejects(server.listen({ host: "127.0.0.1", port: second.port }), { code: "EADDRINUSE" });
});

test("close() ends watches", async () => {
  const server = await startTestServer();
  const events = await server.watch("/api/v1/namespaces?watch=true");
  await events.next(1);
  await server.close();
  await events.ended;
});

test("a certificate of another authority is refused", async (context) => {
  const [server, other] = await Promise.all([startTestServer(), startTestServer()]);
  context.after(() => Promise.all([server.close(), other.close()]));
  const { certificate: cert, key } = other.pki.client("admin");
  const options = {
    host: "127.0.0.1",
    port: server.port,
    path: "/api/v1/pods",
    ca: server.pki.ca,
    cert,
    key,
    agent: false as const,
  };
  const [answer] = await once(request(options).end(), "response");
  assert.equal(answer.statusCode, 401);
  answer.resume();
});
