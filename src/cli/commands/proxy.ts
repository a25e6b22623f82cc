import { writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { turn } from "../../lib/sleep.ts";
import { effectiveConfig, modes } from "../../proxy/config/effective.ts";
import { flags } from "../../proxy/config/flags.ts";
import { validateConfig } from "../../proxy/config/validate.ts";
import type { Values } from "../../proxy/config/values.ts";
import { startInformers } from "../../proxy/informers.ts";
import { nodeNameOf } from "../../proxy/node-facts.ts";
import type { Command } from "../command.ts";
import { CliError } from "../errors.ts";
import { type Option, type Options, parseOptions } from "../options.ts";
import { connect, logOf, partOptions, stopSignal } from "../part.ts";
import { readProxyConfig, watchConfigFile } from "../proxy-config.ts";

/** Flags of the configuration's fields, from the proxy's own table. */
const fieldOptions: Options = Object.fromEntries(
  flags.map(({ name, placeholder, help }): [string, Option] => [name, { type: "string", value: placeholder, help }]),
);

const options = {
  ...partOptions,
  config: { type: "string", value: "FILE", help: "KubeProxyConfiguration (YAML); flags win over it" },
  "write-config-to": { type: "string", value: "FILE", help: "write the whole configuration there and end" },
  "init-only": {
    type: "boolean",
    help: "set the kernel settings, which needs root, and end: later runs need CAP_NET_ADMIN only",
  },
  cleanup: { type: "boolean", help: "take away the rules of the mode (without --proxy-mode: of every mode) and end" },
} as const;

function modeOf(values: Values): string {
  const mode = String(values.get("mode") ?? "auto");
  if (!(modes as readonly string[]).includes(mode))
    throw new CliError(`Proxy mode "${mode}" is not supported: choose one of ${modes.join(", ")}.`);
  return mode;
}

/** Throws CliError for a configuration that cannot be used. */
function check(values: Values, mode: string): void {
  const fault = validateConfig(effectiveConfig(values, mode));
  if (fault) throw new CliError(`${fault}.`);
}

export const command: Command = {
  usage: "[--kubeconfig FILE] [--config FILE] [--proxy-mode MODE]",
  summary: "Forward a cluster's Services on this node (in kube-proxy's place)",
  options: { ...options, ...fieldOptions },
  examples: [
    [
      "fairlead proxy --kubeconfig /var/lib/kube-proxy/kubeconfig --cluster-cidr 10.244.0.0/16",
      "on a node of any cluster, as root",
    ],
    [
      "fairlead proxy --config /var/lib/kube-proxy/config.conf --hostname-override node-1",
      "with kube-proxy's own files",
    ],
    ["fairlead proxy --kubeconfig config --proxy-mode userspace", "as an ordinary user: Services on 127.x.y.z"],
  ],
  async run(args) {
    const { values: given } = parseOptions(args, { ...options, ...fieldOptions });
    const { values, warnings } = await readProxyConfig(given.config, given);
    const text = (path: string) => values.get(path)?.toString();
    const log = logOf({
      kubeconfig: undefined,
      v: given.v ?? text("logging.verbosity"),
      "log-format": given["log-format"] ?? text("logging.format"),
    }).child({ component: "proxy" });
    for (const warning of warnings) log.warn(warning);
    const signal = stopSignal();
    const target = given["write-config-to"];
    if (target) {
      const { encodeDocument } = await import("../../proxy/config/document.ts");
      writeFileSync(target, encodeDocument(values));
      return 0;
    }
    const mode = modeOf(values);
    if (given.cleanup) {
      await (await import("../proxy-run.ts")).cleanUp(mode, log);
      return 0;
    }
    check(values, mode);
    if (given["init-only"]) {
      await (await import("../proxy-run.ts")).initialize(mode, values, log);
      return 0;
    }
    const kubeconfig = given.kubeconfig ?? text("clientConnection.kubeconfig");
    const client = await connect({ ...given, kubeconfig }, "fairlead-proxy", log, signal);
    const nodeName = nodeNameOf(String(values.get("hostnameOverride") ?? ""), hostname());
    const informers = startInformers({ client, nodeName, log, signal });
    // The rest is loaded, and the data plane tried, while the API server is at work.
    await turn();
    const { forward } = await import("../proxy-run.ts");
    await turn();
    if (given.config) watchConfigFile(given.config, log, signal);
    await forward({ client, informers, nodeName, mode, values, log, signal });
    return 0;
  },
};
