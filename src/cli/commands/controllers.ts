import { isIP } from "node:net";
import { loadKubeconfig } from "../../client/kubeconfig.ts";
import { createClient } from "../../client/rest.ts";
import { startControllers } from "../../controllers/mod.ts";
import type { Command } from "../command.ts";
import { CliError } from "../errors.ts";
import { parseOptions } from "../options.ts";
import { aborted, logOf, partOptions, stopSignal } from "../part.ts";

export const command: Command = {
  usage: "[--kubeconfig FILE]",
  summary: "Run the controllers alone",
  options: partOptions,
  async run(args) {
    const { values } = parseOptions(args, partOptions);
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
    startControllers({ client, log, signal, config: { caPem: config.ca ?? "", apiServerAddress } });
    await aborted(signal);
    return 0;
  },
};
