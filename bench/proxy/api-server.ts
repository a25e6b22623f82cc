/** The API server of the bench: argv[2] is its folder, argv[3] its address; tells its parent the kubeconfigs when it is ready. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { kinds } from "../../src/api/kinds/mod.ts";
import { formatKubeconfig } from "../../src/apiserver/kubeconfig.ts";
import { ensurePki } from "../../src/apiserver/pki.ts";
import { createApiServer } from "../../src/apiserver/server.ts";
import { createLog } from "../../src/lib/log.ts";
import { open } from "../../src/store/open-store.ts";

const [dir = "", host = ""] = process.argv.slice(2);
const log = createLog(undefined, { level: "error" });
const pki = await ensurePki(join(dir, "pki"), { hosts: [host], nodes: [] });
const config = {
  serviceCidr: "10.96.0.0/16",
  nodePortRange: { from: 30000, to: 32767 },
  // Nobody makes accounts here.
  disabledAdmission: ["ServiceAccount"],
};
const server = await createApiServer({ store: await open(join(dir, "store"), { log }), kinds, pki, config, log });
const { port } = await server.listen({ host, port: 0 });
for (const name of ["admin", "kube-proxy"] as const) {
  const credential = pki.client(name);
  writeFileSync(join(dir, name), formatKubeconfig({ server: `https://${host}:${port}`, ca: pki.ca, credential }));
}
process.send?.({ admin: join(dir, "admin"), proxy: join(dir, "kube-proxy") });
