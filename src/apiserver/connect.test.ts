import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { kinds } from "../api/kinds/mod.ts";
import { createLog } from "../lib/log.ts";
import { openInMemory } from "../store/open-store.ts";
import { ensurePki } from "./pki.ts";
import { type ApiServer, createApiServer } from "./server.ts";

describe("connect()", () => {
  const dir = mkdtempSync(join(tmpdir(), "fairlead-connect-"));
  let server: ApiServer;
  before(async () => {
    const pki = await ensurePki(dir, { hosts: [], nodes: [] });
    const config = { serviceCidr: "10.96.0.0/16", nodePortRange: { from: 30000, to: 32767 } };
    server = await createApiServer({ store: openInMemory(), kinds, pki, config, log: createLog(() => {}) });
  });
  after(async () => {
    await server.close();
    rmSync(dir, { recursive: true, force: true });
  });

  function get(path: string, user: { name: string; groups: string[] }): Promise<{ status: number; body: string }> {
    const agent = new http.Agent({ keepAlive: false });
    agent.createConnection = () => server.connect(user);
    return new Promise((resolve, reject) => {
      http
        .get({ host: "inside", path, agent }, (response) => {
          let body = "";
          response.on("data", (data: Buffer) => {
            body += data.toString();
          });
          response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
        })
        .on("error", reject);
    });
  }

  test("requests are the named user's", async () => {
    const { status, body } = await get("/api/v1/services", { name: "boss", groups: ["system:masters"] });
    assert.equal(status, 200);
    assert.equal((JSON.parse(body) as { kind: string }).kind, "ServiceList");
  });

  test("and no more than that user may do", async () => {
    const { status, body } = await get("/api/v1/services", { name: "guest", groups: [] });
    assert.equal(status, 403);
    assert.match(body, /User \\"guest\\" cannot list resource \\"services\\"/);
  });

  test("close() ends a watch on such a connection", async () => {
    const agent = new http.Agent({ keepAlive: false });
    agent.createConnection = () => server.connect({ name: "boss", groups: ["system:masters"] });
    const ended = await new Promise<string>((resolve, reject) => {
      http
        .get({ host: "inside", path: "/api/v1/services?watch=true", agent }, (response) => {
          response.resume();
          response.on("close", () => resolve("ended"));
          void server.close();
        })
        .on("error", reject);
    });
    assert.equal(ended, "ended");
  });
});
