import type { ClusterConfig } from "../cluster.ts";
import type { Command } from "../command.ts";
import { parseOptions } from "../options.ts";
import { ensureCredentials } from "../supervisor/credentials.ts";

const options = {
  "config-json": { type: "string", value: "JSON", help: "the cluster's facts" },
} as const;

export const command: Command = {
  usage: "--config-json JSON",
  summary: "Make the certificates and kubeconfigs of an embedded cluster",
  options,
  hidden: true,
  async run(args) {
    const { values } = parseOptions(args, options);
    await ensureCredentials(JSON.parse(values["config-json"] ?? "{}") as ClusterConfig);
    return 0;
  },
};
