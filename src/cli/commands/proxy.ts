import { writeFileSync } from "node:fs";
import { hostname } from "node:os";
import type { ApiClient } from "../../client/client.ts";
import type { Log } from "../../lib/log.ts";
import { type Chosen, chooseDataPlane } from "../../proxy/backends/choose.ts";
import { effectiveConfig, ipvsOptionsOf, modes } from "../../proxy/config/effective.ts";
import { flags } from "../../proxy/config/flags.ts";
import { plainDocument } from "../../proxy/config/plain.ts";
import { validateConfig } from "../../proxy/config/validate.ts";
import type { Values } from "../../proxy/config/values.ts";
import { applyKernelSettings } from "../../proxy/kernel-settings.ts";
import { nodeNameOf } from "../../proxy/node-facts.ts";
import { startProxy } from "../../proxy/proxy.ts";
import { retireOtherModes } from "../../proxy/retire.ts";
import type { Command } from "../command.ts";
import { CliError } from "../errors.ts";
import { type Option, type Options, parseOptions } from "../options.ts";
import { aborted, connect, logOf, partOptions, stopSignal } from "../part.ts";
import { settle } from "../program.ts";
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

/** A mode that cannot run here has left no rules either. */
async function cleanUp(names: readonly string[], log: Log): Promise<number> {
  for (const name of names) {
    let chosen: Chosen;
    try {
      chosen = await chooseDataPlane(name, log);
    } catch (error) {
      if (names.length === 1) throw error;
      log.debug("mode has no rules here", { mode: name, error });
      continue;
    }
    await chosen.plane.adopt();
    await chosen.plane.remove();
    chosen.plane.close();
    log.info("rules are taken away", { mode: name });
  }
  return 0;
}

function modeOf(values: Values): string {
  const mode = String(values.get("mode") ?? "auto");
  if (!(modes as readonly string[]).includes(mode))
    throw new CliError(`Proxy mode "${mode}" is not supported: choose one of ${modes.join(", ")}.`);
  return mode;
}

/** Throws CliError for a configuration that cannot be used. */
async function choose(values: Values, log: Log): Promise<Chosen> {
  const mode = modeOf(values);
  const config = effectiveConfig(values, mode);
  const fault = validateConfig(config);
  if (fault) throw new CliError(`${fault}.`);
  try {
    return await chooseDataPlane(mode, log, ipvsOptionsOf(config));
  } catch (error) {
    if (error instanceof RangeError) throw new CliError(`${error.message}.`);
    throw error;
  }
}

interface Run {
  readonly client: ApiClient;
  readonly values: Values;
  readonly chosen: Chosen;
  readonly log: Log;
  readonly signal: AbortSignal;
}

async function forward({ client, values, chosen, log, signal }: Run): Promise<void> {
  const { plane: dataPlane, reason: modeReason } = chosen;
  const config = effectiveConfig(values, dataPlane.mode);
  const nodeName = nodeNameOf(String(values.get("hostnameOverride") ?? ""), hostname());
  log.info("proxy mode", { mode: dataPlane.mode, reason: modeReason });
  const configz = plainDocument(new Map(values).set("mode", dataPlane.mode));
  const proxy = startProxy({ client, nodeName, dataPlane, modeReason, config, configz, log, signal });
  // Connection tracking is loaded by now.
  applyKernelSettings(config, log);
  await Promise.race([proxy.ready, proxy.failed]);
  settle();
  void retireOtherModes(dataPlane.mode, log, signal);
  await Promise.race([aborted(signal), proxy.failed]);
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
    if (given.cleanup) {
      const mode = modeOf(values);
      return cleanUp(mode !== "auto" ? [mode] : modes.filter((one) => one !== "auto"), log);
    }
    if (given["init-only"]) {
      const chosen = await choose(values, log);
      const config = effectiveConfig(values, chosen.plane.mode);
      chosen.plane.prepare?.(config);
      applyKernelSettings(config, log);
      chosen.plane.close();
      return 0;
    }
    const kubeconfig = given.kubeconfig ?? text("clientConnection.kubeconfig");
    const client = await connect({ ...given, kubeconfig }, "fairlead-proxy", log, signal);
    const chosen = await choose(values, log);
    if (given.config) watchConfigFile(given.config, log, signal);
    await forward({ client, values, chosen, log, signal });
    return 0;
  },
};
