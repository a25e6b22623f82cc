import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { loadKubeconfig } from "../../client/kubeconfig.ts";
import { createClient } from "../../client/rest.ts";
import { joinNodeCgroup } from "../../kernel/bpf/cgroup.ts";
import { missingFeatures } from "../../kernel/features.ts";
import { createLog } from "../../lib/log.ts";
import { startAgent } from "../../node/agent.ts";
import type { AgentConfig } from "../../node/agent-config.ts";
import type { MachineConfig } from "../../node/runtime/cri/open-cri.ts";
import { checkCluster } from "../check.ts";
import type { ClusterConfig, NodeConfig } from "../cluster.ts";
import type { Command } from "../command.ts";
import { imageSocket, paths } from "../data-dir.ts";
import { dial } from "../dial.ts";
import { CliError } from "../errors.ts";
import { parseOptions } from "../options.ts";
import { echoWords, programWords } from "../program.ts";
import { handToSupervisor, insideCluster, onSupervisorMessage, tellSupervisor } from "../supervisor/inside.ts";
import type { MachineFacts } from "../supervisor/machine-runtime.ts";
import type { Destination } from "../supervisor/messages.ts";
import { enterNode, netnsPath } from "../underlay.ts";

const options = {
  "config-json": { type: "string", value: "JSON", help: "the cluster's facts" },
  "node-name": { type: "string", value: "NAME", help: "which of its nodes" },
  "machine-json": {
    type: "string",
    value: "JSON",
    help: "facts of the machine, when its containerd runs images; descriptor 4 is its network namespace",
  },
  cgroup: { type: "boolean", help: "keep the node's processes in a cgroup of their own" },
} as const;

/** Port of the kubelet-like server, as everywhere. */
const agentPort = 10250;

/** From the supervisor. */
const networkFd = 4;

/** Opened anew: no program that this process starts may have it. */
function machineNetwork(): string {
  const fd = openSync(`/proc/self/fd/${networkFd}`, "r");
  closeSync(networkFd);
  return `/proc/self/fd/${fd}`;
}

function machineConfig(config: ClusterConfig, node: NodeConfig, facts: string): MachineConfig {
  return {
    ...(JSON.parse(facts) as MachineFacts),
    cluster: config.id,
    nodeNamespace: netnsPath(config, node.name),
    network: machineNetwork(),
  };
}

function agentConfig(config: ClusterConfig, node: NodeConfig, facts: string | undefined): AgentConfig {
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
    ...(facts !== undefined && { machine: machineConfig(config, node, facts) }),
    programs: {
      fairlead: programWords,
      echo: echoWords,
    },
  };
}

interface RunOptions {
  readonly name: string;
  /** Of the machine. */
  readonly facts: string | undefined;
}

async function run(config: ClusterConfig, { name, facts }: RunOptions, signal: AbortSignal): Promise<void> {
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
  await startAgent({ config: agentConfig(config, node, facts), client, log, signal }).ready;
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
    return insideCluster((signal) => run(config, { name, facts: values["machine-json"] }, signal));
  },
};
