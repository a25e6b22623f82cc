import { join } from "node:path";
import { loadKubeconfig } from "../../client/kubeconfig.ts";
import { createClient } from "../../client/rest.ts";
import { joinNodeCgroup } from "../../kernel/bpf/cgroup.ts";
import { missingFeatures } from "../../kernel/features.ts";
import { createLog } from "../../lib/log.ts";
import { startAgent } from "../../node/agent.ts";
import type { AgentConfig } from "../../node/agent-config.ts";
import { checkCluster } from "../check.ts";
import type { ClusterConfig, NodeConfig } from "../cluster.ts";
import type { Command } from "../command.ts";
import { imageSocket, paths } from "../data-dir.ts";
import { dial } from "../dial.ts";
import { CliError } from "../errors.ts";
import { parseOptions } from "../options.ts";
import { echoWords, programWords } from "../program.ts";
import { handToSupervisor, insideCluster, onSupervisorMessage, tellSupervisor } from "../supervisor/inside.ts";
import type { Destination } from "../supervisor/messages.ts";
import { enterNode } from "../underlay.ts";

const options = {
  "config-json": { type: "string", value: "JSON", help: "the cluster's facts" },
  "node-name": { type: "string", value: "NAME", help: "which of its nodes" },
  cgroup: { type: "boolean", help: "keep the node's processes in a cgroup of their own" },
} as const;

/** Port of the kubelet-like server, as everywhere. */
const agentPort = 10250;

function agentConfig(config: ClusterConfig, node: NodeConfig): AgentConfig {
  const { pki, run } = paths(config.dataDir);
  const file = (name: string): string => join(pki, name);
  return {
    nodeName: node.name,
    nodeIps: node.addresses,
    podCidrs: node.podCidrs,
    clusterCidrs: config.podCidrs,
    clusterDns: config.dnsAddresses,
    zone: node.zone,
    leaseDurationSec: Math.max(1, Math.round(config.nodeGraceMs / 1000)),
    clusterDomain: config.clusterDomain,
    runDir: run,
    dataDir: config.dataDir,
    registry: { socket: imageSocket(config.dataDir), hosts: Object.keys(config.registries) },
    server: {
      port: agentPort,
      caFile: file("ca.crt"),
      certFile: file(`node-${node.name}.crt`),
      keyFile: file(`node-${node.name}.key`),
    },
    containerRuntime: config.containerRuntime,
    programs: {
      fairlead: programWords,
      echo: echoWords,
    },
  };
}

async function run(config: ClusterConfig, name: string, signal: AbortSignal): Promise<void> {
  const node = config.nodes.find((one) => one.name === name);
  if (!node) throw new CliError(`There is no node "${name}" in this cluster.`);
  const [missing] = missingFeatures();
  if (missing) throw new CliError(`${missing}.`);
  enterNode(config, node);
  const log = createLog().child({ component: "agent", node: name });
  const kubeconfig = await loadKubeconfig(join(paths(config.dataDir).kubeconfigs, `node-${name}`));
  const client = createClient(kubeconfig, { userAgent: "fairlead-node", log, signal });
  onSupervisorMessage((message) => {
    if (message.type === "dial") void answerDial(message);
    if (message.type !== "check") return;
    const wanted = { dnsAddresses: config.dnsAddresses, name: message.name, port: 443 };
    void checkCluster(wanted, message.timeoutMs).then((problem) => tellSupervisor({ type: "checked", problem }));
  });
  await startAgent({ config: agentConfig(config, node), client, log, signal }).ready;
}

async function answerDial({ id, ...destination }: { readonly id: number } & Destination): Promise<void> {
  try {
    handToSupervisor({ type: "dialed", id }, await dial(destination));
  } catch (error) {
    tellSupervisor({ type: "dialed", id, failure: (error as Error).message });
  }
}

export const command: Command = {
  usage: "--config-json JSON --node-name NAME",
  summary: "Run a node of an embedded cluster",
  options,
  async run(args) {
    const { values } = parseOptions(args, options);
    const text = values["config-json"];
    if (!text) {
      throw new CliError('"fairlead node" joins no other cluster yet: nodes are started by "fairlead up --nodes N".');
    }
    const config = JSON.parse(text) as ClusterConfig;
    const name = values["node-name"] ?? "";
    if (values.cgroup) joinNodeCgroup(config.id, name);
    return insideCluster((signal) => run(config, name, signal));
  },
};
