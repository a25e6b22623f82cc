import { createServer } from "node:http";
import { isIP } from "node:net";
import { loadKubeconfig } from "../../client/kubeconfig.ts";
import { createClient } from "../../client/rest.ts";
import { startControllers } from "../../controllers/mod.ts";
import type { Command } from "../command.ts";
import { durationOption } from "../duration.ts";
import { CliError, UsageError } from "../errors.ts";
import { heartbeatOptions } from "../node-options.ts";
import { parseOptions } from "../options.ts";
import { aborted, logOf, partOptions, stopSignal } from "../part.ts";

const options = {
  ...partOptions,
  ...heartbeatOptions,
  "metrics-bind-address": { type: "string", value: "HOST:PORT", help: "where /metrics is served (default: nowhere)" },
} as const;

/** Plain HTTP; ends with the part. */
function serveMetrics(address: string, metrics: () => string, signal: AbortSignal): Promise<void> {
  const url = URL.parse(`http://${address}`);
  if (!url?.port)
    throw new UsageError(`--metrics-bind-address must be HOST:PORT, e.g. 127.0.0.1:10257, not "${address}"`);
  const server = createServer((request, response) => {
    if (request.url !== "/metrics") return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }).end(metrics());
  });
  signal.addEventListener("abort", () => server.close(), { once: true });
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(new CliError(`Cannot serve metrics at ${address}: ${error.message}`)));
    server.listen(Number(url.port), url.hostname.replace(/^\[|\]$/g, ""), resolve);
  });
}

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
    const facts = { caPem: config.ca ?? "", apiServerAddress, nodeGraceMs };
    const { metrics } = startControllers({ client, log, signal, config: facts });
    const address = values["metrics-bind-address"];
    if (address) await serveMetrics(address, metrics, signal);
    await aborted(signal);
    return 0;
  },
};
