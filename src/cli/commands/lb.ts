import type { Command } from "../command.ts";
import { CliError } from "../errors.ts";
import { startLocalLoadBalancer } from "../load-balancer.ts";
import { parseOptions } from "../options.ts";
import { aborted, connect, logOf, partOptions, stopSignal } from "../part.ts";

const options = {
  ...partOptions,
  pool: { type: "string", value: "FIRST-LAST|CIDR[,…]", help: "addresses to give to Services of type LoadBalancer" },
} as const;

export const command: Command = {
  usage: "--pool RANGE [--kubeconfig FILE]",
  summary: "Give LoadBalancer Services addresses and route them from this machine",
  options,
  examples: [["fairlead lb --pool 192.0.2.10-192.0.2.50", "for the cluster of the current context"]],
  async run(args) {
    const { values } = parseOptions(args, options);
    if (!values.pool)
      throw new CliError("Name the addresses to give out with --pool, e.g. --pool 192.0.2.10-192.0.2.50.");
    const log = logOf(values).child({ component: "lb" });
    const signal = stopSignal();
    const client = await connect(values, "fairlead-lb", log, signal);
    startLocalLoadBalancer({ client, pool: values.pool, log, signal });
    await aborted(signal);
    return 0;
  },
};
