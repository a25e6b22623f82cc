import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { kinds } from "../../api/kinds/mod.ts";
import { formatKubeconfig } from "../../apiserver/kubeconfig.ts";
import { ensurePki } from "../../apiserver/pki.ts";
import { createApiServer } from "../../apiserver/server.ts";
import { open } from "../../store/open-store.ts";
import { admissionOptions, enabledAdmission } from "../admission-options.ts";
import type { Command } from "../command.ts";
import { dataDirOf, makeDataDir, paths } from "../data-dir.ts";
import { UsageError } from "../errors.ts";
import { tolerationOptions, tolerationSeconds } from "../node-options.ts";
import { parseOptions } from "../options.ts";
import { aborted, logOf, partOptions, stopSignal } from "../part.ts";
import { print } from "../print.ts";

const { v, "log-format": logFormat } = partOptions;
const options = {
  v,
  "log-format": logFormat,
  data: { type: "string", value: "DIR", help: "data folder (default as for up)" },
  port: { type: "string", value: "PORT", help: "on 127.0.0.1 (default 6443)" },
  "audit-log": {
    type: "string",
    value: "FILE",
    help: "append a JSON line for each request (audit.k8s.io/v1, metadata)",
  },
  ...tolerationOptions,
  ...admissionOptions,
  "service-cidr": { type: "string", value: "CIDR", help: "default 10.96.0.0/16" },
} as const;

export const command: Command = {
  usage: "[--data DIR] [--port PORT]",
  summary: "Run the API server alone, with its store",
  options,
  async run(args) {
    const { values } = parseOptions(args, options);
    const port = Number(values.port ?? 6443);
    if (!Number.isInteger(port) || port < 0 || port > 65535)
      throw new UsageError(`--port must be a number, not "${values.port}"`);
    const dataDir = dataDirOf(values.data);
    const all = paths(dataDir);
    makeDataDir(dataDir);
    const log = logOf({ ...values, kubeconfig: undefined }).child({ component: "apiserver" });
    const signal = stopSignal();
    const pki = await ensurePki(all.pki, { hosts: [], nodes: [] });
    const store = await open(all.store, { log });
    const server = await createApiServer({
      store,
      kinds,
      pki,
      config: {
        serviceCidr: values["service-cidr"] ?? "10.96.0.0/16",
        nodePortRange: { from: 30000, to: 32767 },
        tolerationSeconds: tolerationSeconds(values),
        enabledAdmission: enabledAdmission(values),
        // No controllers run beside it that would make accounts.
        disabledAdmission: ["ServiceAccount"],
        ...(values["audit-log"] ? { auditLog: values["audit-log"] } : {}),
      },
      log,
    });
    const { port: listening } = await server.listen({ host: "127.0.0.1", port });
    const kubeconfig = join(all.kubeconfigs, "admin");
    mkdirSync(all.kubeconfigs, { recursive: true });
    const text = formatKubeconfig({
      server: `https://127.0.0.1:${listening}`,
      ca: pki.ca,
      credential: pki.client("admin"),
    });
    writeFileSync(kubeconfig, text, { mode: 0o600 });
    print(`Serving on https://127.0.0.1:${listening}; kubectl --kubeconfig ${kubeconfig}\n`);
    await aborted(signal);
    await server.close();
    await store.close();
    return 0;
  },
};
