import { readFileSync } from "node:fs";
import type { Node, Pod, Service } from "../../api/object.ts";
import { nodes, pods, services } from "../../api/resource.ts";
import { loadKubeconfig } from "../../client/kubeconfig.ts";
import { createClient } from "../../client/rest.ts";
import { childrenOf, isAlive } from "../../kernel/processes.ts";
import { createLog } from "../../lib/log.ts";
import type { Command } from "../command.ts";
import { type ClusterState, dataDirOf, readState } from "../data-dir.ts";
import { CliError, UsageError } from "../errors.ts";
import { parseOptions } from "../options.ts";
import { print } from "../print.ts";
import { hostApiUrl } from "../supervisor/cluster-config.ts";
import { tierName } from "../supervisor/tier.ts";

const options = {
  data: { type: "string", value: "DIR", help: "data folder of the cluster (default as for up)" },
  output: { type: "string", short: "o", value: "json", help: "as JSON" },
} as const;

/** The stable form of `-o json`. */
interface Report {
  readonly apiVersion: "fairlead/v1alpha1";
  readonly kind: "ClusterStatus";
  readonly running: boolean;
  readonly ready?: boolean;
  readonly tier?: string;
  readonly dataDir: string;
  readonly server?: string;
  readonly kubeconfig?: { readonly path: string; readonly context: string };
  /** Pids as the host numbers them, and proportional memory in KiB where it can be read. */
  readonly processes?: readonly { readonly name: string; readonly pid: number; readonly pssKib?: number }[];
  readonly nodes?: readonly {
    readonly name: string;
    readonly address: string;
    readonly addresses: readonly string[];
    readonly ready: boolean;
  }[];
  readonly pods?: { readonly total: number; readonly ready: number };
  readonly services?: number;
  /** Where LoadBalancer and NodePort Services answer on this machine. */
  readonly hostPorts?: readonly { readonly service: string; readonly address: string }[];
  readonly problem?: string;
}

const isTrue = (type: string, object: Node | Pod): boolean =>
  ((object.status?.conditions ?? []) as readonly { type: string; status: string }[]).some(
    (condition) => condition.type === type && condition.status === "True",
  );

function pssKib(pid: number): number | undefined {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]);
  } catch {
    return undefined;
  }
}

function hostPorts(all: readonly Service[]): { service: string; address: string }[] {
  return all.flatMap(({ metadata, spec }) =>
    (spec.ports ?? []).flatMap(({ nodePort, protocol }) =>
      nodePort && protocol !== "SCTP"
        ? [{ service: `${metadata.namespace}/${metadata.name}`, address: `127.0.0.1:${nodePort}/${protocol}` }]
        : [],
    ),
  );
}

/** The supervisor's processes: each is the child of an nsenter, known by its command line; they change with restarts. */
function startedBy(supervisor: number): { name: string; pid: number }[] {
  return childrenOf(supervisor)
    .flatMap(childrenOf)
    .flatMap((pid) => {
      const words = commandLine(pid);
      const node = words[words.indexOf("--node-name") + 1];
      if (words.includes("control-plane")) return [{ name: "control-plane", pid }];
      return words.includes("--node-name") && node ? [{ name: `agent ${node}`, pid }] : [];
    });
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

function processReport(state: ClusterState): NonNullable<Report["processes"]> {
  return [{ name: "supervisor", pid: state.supervisor.pid }, ...startedBy(state.supervisor.pid)].map(
    ({ name, pid }) => {
      const pss = pssKib(pid);
      return { name, pid, ...(pss === undefined ? {} : { pssKib: pss }) };
    },
  );
}

async function report(dataDir: string): Promise<Report> {
  const state = readState(dataDir);
  const base = { apiVersion: "fairlead/v1alpha1", kind: "ClusterStatus", dataDir } as const;
  if (!state || !isAlive(state.supervisor)) return { ...base, running: false };
  const { config, kubeconfig } = state;
  const known = {
    ...base,
    running: true,
    tier: tierName(state.tier),
    server: hostApiUrl(config),
    kubeconfig,
    processes: processReport(state),
  };
  const log = createLog(() => {});
  try {
    const client = createClient(await loadKubeconfig(kubeconfig.path, { context: kubeconfig.context }), {
      userAgent: "fairlead-status",
      log,
      timeoutMs: 3000,
    });
    const [nodeList, podList, serviceList] = await Promise.all([
      client.list(nodes),
      client.list(pods),
      client.list(services),
    ]);
    return {
      ...known,
      ready: state.ready,
      nodes: config.nodes.map(({ name, addresses }) => {
        const node = nodeList.items.find(({ metadata }) => metadata.name === name);
        return { name, address: addresses[0] ?? "", addresses, ready: node !== undefined && isTrue("Ready", node) };
      }),
      pods: { total: podList.items.length, ready: podList.items.filter((pod) => isTrue("Ready", pod)).length },
      services: serviceList.items.length,
      hostPorts: hostPorts(serviceList.items),
    };
  } catch (error) {
    return { ...known, ready: false, problem: `The API server does not answer: ${(error as Error).message}` };
  }
}

function format(status: Report): string {
  if (!status.running)
    return `No cluster runs with the data folder "${status.dataDir}": start one with "fairlead up".\n`;
  const rows: [string, string][] = [
    ["Cluster", status.ready ? "ready" : "not ready"],
    ["Tier", status.tier ?? ""],
    ["API server", status.server ?? ""],
    ["Kubeconfig", `context "${status.kubeconfig?.context}" in ${status.kubeconfig?.path}`],
    ["Data", status.dataDir],
    ...(status.nodes ?? []).map(({ name, addresses, ready }): [string, string] => [
      "Node",
      `${name} ${addresses.join(" ")} ${ready ? "Ready" : "NotReady"}`,
    ]),
    ...(status.pods ? [["Pods", `${status.pods.ready} of ${status.pods.total} ready`] satisfies [string, string]] : []),
    ...(status.services === undefined ? [] : [["Services", String(status.services)] satisfies [string, string]]),
    ...(status.hostPorts ?? []).map(({ service, address }): [string, string] => [
      "On this machine",
      `${address} → ${service}`,
    ]),
    ...(status.processes ?? []).map(({ name, pid, pssKib: pss }): [string, string] => [
      "Process",
      `${name}, pid ${pid}${pss === undefined ? "" : `, ${Math.round(pss / 1024)} MiB`}`,
    ]),
    ...(status.problem ? [["Problem", status.problem] satisfies [string, string]] : []),
  ];
  return `${rows.map(([name, value]) => `${`${name}:`.padEnd(17)}${value}`).join("\n")}\n`;
}

export const command: Command = {
  usage: "[--data DIR] [-o json]",
  summary: "Show whether a cluster runs, and its parts",
  options,
  async run(args) {
    const { values } = parseOptions(args, options);
    if (values.output !== undefined && values.output !== "json")
      throw new UsageError(`-o must be json, not "${values.output}"`);
    const status = await report(dataDirOf(values.data));
    print(values.output === "json" ? `${JSON.stringify(status, undefined, 2)}\n` : format(status));
    if (status.problem) throw new CliError(status.problem);
    return status.running && status.ready ? 0 : 1;
  },
};
