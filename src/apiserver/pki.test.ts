import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ensurePki } from "./pki.ts";

test("ensurePki() keeps certificates across starts and renews only what changed", async (context) => {
  const dir = await mkdtemp(join(tmpdir(), "fairlead-pki-"));
  context.after(() => rm(dir, { recursive: true }));
  const nodes = [{ name: "node-1", addresses: ["172.18.0.2"] }];
  const first = await ensurePki(dir, { hosts: ["172.18.0.1"], nodes });
  const again = await ensurePki(dir, { hosts: ["172.18.0.1"], nodes });
  assert.deepEqual(again.server, first.server);
  assert.deepEqual(again.client("admin"), first.client("admin"));
  const wider = await ensurePki(dir, { hosts: ["172.18.0.1", "fd00::1", "api.example"], nodes });
  assert.equal(wider.ca, first.ca);
  assert.notEqual(wider.server.certificate, first.server.certificate);
  assert.deepEqual(wider.client("node-node-1"), first.client("node-node-1"));
  for (const file of await readdir(dir)) assert.equal((await stat(join(dir, file))).mode & 0o777, 0o600, file);
});

test("ensurePki() writes subject, names and issuer that TLS checks", async (context) => {
  const dir = await mkdtemp(join(tmpdir(), "fairlead-pki-"));
  context.after(() => rm(dir, { recursive: true }));
  const pki = await ensurePki(dir, { hosts: ["10.96.0.1"], nodes: [{ name: "n", addresses: ["172.18.0.2"] }] });
  const ca = new X509Certificate(pki.ca);
  const server = new X509Certificate(pki.server.certificate);
  assert.equal(server.verify(ca.publicKey), true);
  assert.equal(server.checkIP("10.96.0.1"), "10.96.0.1");
  assert.equal(server.checkHost("kubernetes.default.svc"), "kubernetes.default.svc");
  const node = new X509Certificate(pki.client("node-n").certificate);
  assert.equal(node.subject, "O=system:nodes\nCN=system:node:n");
  assert.equal(node.checkIP("172.18.0.2"), "172.18.0.2");
  assert.throws(() => pki.client("node-other"), RangeError);
});

test("ensurePki() keeps the key of tokens", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "fairlead-pki-"));
  t.after(() => rm(dir, { recursive: true }));
  const { tokenKey } = await ensurePki(dir, { hosts: [], nodes: [] });
  assert.match(tokenKey, /^-----BEGIN PRIVATE KEY-----/);
  assert.equal((await ensurePki(dir, { hosts: [], nodes: [] })).tokenKey, tokenKey);
  assert.equal((await stat(join(dir, "sa.key"))).mode & 0o777, 0o600);
  assert.deepEqual(
    (await readdir(dir)).filter((name) => name.startsWith("sa")),
    ["sa.key"],
  );
});
