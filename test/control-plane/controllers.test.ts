/** The controllers over the real API server, its store in memory, on a loopback port. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kinds } from "../../src/api/kinds/mod.ts";
import { ensurePki } from "../../src/apiserver/pki.ts";
import { createApiServer } from "../../src/apiserver/server.ts";
import { createClient } from "../../src/client/rest.ts";
import type { Open } from "../../src/controllers/testing/cluster.ts";
import { testControllers } from "../../src/controllers/testing/scenarios.ts";
import { testWorkloads } from "../../src/controllers/testing/workload-scenarios.ts";
import { createLog } from "../../src/lib/log.ts";
import { openInMemory } from "../../src/store/open-store.ts";

const dir = await mkdtemp(join(tmpdir(), "fairlead-controllers-"));
const pki = await ensurePki(dir, { hosts: ["127.0.0.1"], nodes: [] });
await rm(dir, { recursive: true });

const open: Open = async (t) => {
  const log = createLog((line) => process.stderr.write(`${line}\n`), { level: "warn" });
  const store = openInMemory();
  const config = { serviceCidr: "10.96.0.0/16", nodePortRange: { from: 30000, to: 32767 } };
  const server = await createApiServer({ store, kinds, pki, config, log });
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  t.after(async () => {
    await server.close();
    await store.close();
  });
  const { certificate: cert, key } = pki.client("control-plane");
  const quiet = createLog(() => {});
  return createClient(
    { server: `https://127.0.0.1:${port}`, ca: pki.ca, cert, key, namespace: "default" },
    { userAgent: "test", log: quiet },
  );
};

testControllers("real API server", open);
testWorkloads("real API server", open);
