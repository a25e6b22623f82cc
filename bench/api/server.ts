/** A child process with a durable API server: argv[2] is its folder; it sends { port, ca, certificate, key } when ready. */
import { join } from "node:path";
import { kinds } from "../../src/api/kinds/mod.ts";
import { ensurePki } from "../../src/apiserver/pki.ts";
import { createApiServer } from "../../src/apiserver/server.ts";
import { createLog } from "../../src/lib/log.ts";
import { open } from "../../src/store/open-store.ts";

const dir = process.argv[2];
if (!dir) throw new RangeError("Cannot start: name a folder");
const log = createLog(undefined, { level: "error" });
const pki = await ensurePki(join(dir, "pki"), { hosts: [], nodes: [] });
const begunMs = performance.now();
const store = await open(join(dir, "store"), { log });
const config = {
  serviceCidr: "10.96.0.0/16",
  nodePortRange: { from: 30000, to: 32767 },
  // Nobody makes accounts here.
  disabledAdmission: ["ServiceAccount"],
};
const server = await createApiServer({ store, kinds, pki, config, log });
const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
const readyMs = performance.now() - begunMs;
process.send?.({ port, ca: pki.ca, ...pki.client("admin"), readyMs });
process.on("message", () => process.send?.({ rssBytes: process.memoryUsage().rss, cpu: process.cpuUsage() }));
process.on("disconnect", () => process.exit());
