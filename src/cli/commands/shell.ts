import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Command } from "../command.ts";
import { type ClusterState, dataDirOf, paths, runningState } from "../data-dir.ts";
import { CliError, UsageError } from "../errors.ts";
import { parseOptions } from "../options.ts";
import { enterArguments } from "../supervisor/holder.ts";
import { netnsPath } from "../underlay.ts";

const options = {
  node: { type: "string", value: "NAME", help: "on this node (default: the first one)" },
  outside: { type: "boolean", help: "beside the nodes, as a client outside the cluster" },
  data: { type: "string", value: "DIR", help: "data folder of the cluster (default as for up)" },
} as const;

/** Names resolve as in a Pod of the namespace default; the mount is the shell's own and goes with it. */
const script = `
mount -t tmpfs -o mode=0755,size=64k fairlead "$1" &&
printf '%s\\n' "$2" > "$1/resolv.conf" &&
mount --bind "$1/resolv.conf" "$(readlink -f /etc/resolv.conf)" || echo 'fairlead: names of the cluster do not resolve here' >&2
shift 2
exec "$@"
`;

function commandLine(
  state: ClusterState,
  where: { node?: string; outside: boolean },
  words: readonly string[],
): string[] {
  const { config, holder, tier } = state;
  const node = where.node ?? config.nodes[0]?.name ?? "";
  if (!config.nodes.some(({ name }) => name === node)) {
    throw new CliError(
      `There is no node "${node}": the cluster has ${config.nodes.map(({ name }) => name).join(", ")}.`,
    );
  }
  const resolver = where.outside ? [] : config.dnsAddresses.map((address) => `nameserver ${address}`);
  const search = `search default.svc.${config.clusterDomain} svc.${config.clusterDomain} ${config.clusterDomain}`;
  const resolvConf = [...resolver, search, "options ndots:5"].join("\n");
  const enterNode = where.outside ? [] : ["nsenter", `--net=${netnsPath(config, node)}`];
  const shell = words.length > 0 ? words : [process.env.SHELL ?? "/bin/sh"];
  const own = where.outside
    ? []
    : ["unshare", "--mount", "sh", "-c", script, "sh", paths(config.dataDir).sockets, resolvConf];
  return [...enterArguments(holder.pid, tier), "--wd=.", ...enterNode, ...own, ...shell];
}

export const command: Command = {
  usage: "[--node NAME | --outside] [-- CMD...]",
  summary: "Open a shell inside the cluster, on a node or beside the nodes",
  options,
  examples: [
    ["fairlead shell", "a shell on the first node; names of the cluster resolve"],
    ["fairlead shell -- curl -s http://backend:8080", "one command"],
    ["fairlead shell --outside -- curl -s http://172.18.0.2:31080", "as a client that is no part of the cluster"],
  ],
  async run(args) {
    const { values, rest } = parseOptions(args, options);
    if (values.node !== undefined && values.outside) throw new UsageError("--node and --outside exclude each other");
    const state = runningState(dataDirOf(values.data));
    const where = { outside: values.outside ?? false, ...(values.node === undefined ? {} : { node: values.node }) };
    const [program = "", ...words] = commandLine(state, where, rest);
    const env = { ...process.env, KUBECONFIG: join(paths(state.config.dataDir).kubeconfigs, "inside") };
    const child = spawn(program, words, { stdio: "inherit", env });
    // Ctrl-C is for what runs in the shell.
    for (const signal of ["SIGINT", "SIGQUIT"] as const) process.on(signal, () => {});
    process.on("SIGTERM", () => child.kill("SIGTERM"));
    return new Promise((resolve, reject) => {
      child.on("error", (error) => reject(new CliError(`Cannot open a shell: ${error.message}.`)));
      child.on("exit", (code, signal) => resolve(code ?? (signal ? 128 : 1)));
    });
  },
};
