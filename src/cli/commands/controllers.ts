import { isIP } from "node:net";
import { loadKubeconfig } from "../../client/kubeconfig.ts";
import { createClient } from "../../client/rest.ts";
import { startControllers } from "../../controllers/mod.ts";
import type { Command } from "../command.ts";
import { durationOption } from "../duration.ts";
import { CliError } from "../errors.ts";
import { heartbeatOptions } from "../node-options.ts";
import { parseOptions } from "../options.ts";
import { aborted, logOf, partOptions, stopSignal } from "../part.ts";

const options = { ...partOptions, ...heartbeatOptions } as const;

export const command: Command = {
  usage: "[--kubeconfig FILE]",
  summary: "Run the controllers alone",
  options,
  async run(args) {
    const { values } = parseOptions(args, options);
    const log = logOf(values).child({ component: "controllers" });
    const signal = stopSignal();
    const config = await loadKubeconfig(values.kubeconfig);
    const client = createClient(config, { userAgent: "fairlead-controllers", log, signal });
    const { hostname, port } = new URL(config.server);
    const ip = hostname.replace(/^\[|\]$/g, "");
    if (isIP(ip) === 0) {
      throw new CliError(
        `Pods need the API server by its address, not as "${hostname}": use a kubeconfig that has one.`,
      );
    }
    const apiServerAddress = { ip, port: Number(port || 443) };
    const nodeGraceMs = durationOption("node-monitor-grace-period", values["node-monitor-grace-period"]);
    startControllers({ client, log, signal, config: { caPem: config.ca ?? "", apiServerAddress, nodeGraceMs } });
    await aborted(signal);
    return 0;
  },
};
