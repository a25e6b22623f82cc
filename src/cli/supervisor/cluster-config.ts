/** The facts of an embedded cluster, from what the command line leaves open. */
import { randomBytes } from "node:crypto";
import { type ClusterConfig, type NodeConfig, type UnderlayNetwork, underlayAddress } from "../cluster.ts";
import { paths } from "../data-dir.ts";
import type { TolerationSeconds } from "../node-options.ts";

/** Nodes have a /24 of 10.244.0.0/16 each, and addresses of the underlay from 172.18.0.2 on. */
export const maxNodes = 200;

/** More only when asked for: three are what spreading is usually about. */
const usualZones = 3;
const defaultNodeGraceMs = 40_000;

/** "zone-a", "zone-b", …; after "zone-z" numbers. */
const zoneName = (index: number): string => `zone-${index < 26 ? String.fromCharCode(97 + index) : index + 1}`;

interface FamilyFacts {
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly dnsAddress: string;
  readonly loadBalancerPool: string;
  readonly underlay: UnderlayNetwork;
  nodeAddress(index: number): string;
  nodePodCidr(index: number): string;
}

const ipv4: FamilyFacts = {
  podCidr: "10.244.0.0/16",
  serviceCidr: "10.96.0.0/16",
  dnsAddress: "10.96.0.10",
  loadBalancerPool: "172.18.255.200-172.18.255.250",
  underlay: { address: "172.18.0.1", prefix: 16 },
  nodeAddress: (index) => `172.18.0.${index + 2}`,
  nodePodCidr: (index) => `10.244.${index}.0/24`,
};

const hex = (number: number): string => number.toString(16);

const ipv6: FamilyFacts = {
  podCidr: "fd00:10:244::/56",
  serviceCidr: "fd00:10:96::/112",
  dnsAddress: "fd00:10:96::a",
  loadBalancerPool: "fd00:172:18::ffc8-fd00:172:18::fffa",
  underlay: { address: "fd00:172:18::1", prefix: 64 },
  nodeAddress: (index) => `fd00:172:18::${hex(index + 2)}`,
  nodePodCidr: (index) => (index === 0 ? "fd00:10:244::/64" : `fd00:10:244:${hex(index)}::/64`),
};

interface ClusterWishes {
  readonly dataDir: string;
  readonly apiPort: number;
  readonly nodes: number;
  readonly zones: number | undefined;
  readonly nodeGraceMs: number | undefined;
  readonly tolerations: TolerationSeconds;
  readonly enabledAdmission: readonly string[];
  readonly dualStack: boolean;
  readonly registries: Readonly<Record<string, string>>;
  readonly containerRuntime: string;
}

export function clusterConfig(options: ClusterWishes): ClusterConfig {
  const zones = options.zones ?? Math.min(options.nodes, usualZones);
  const families = options.dualStack ? [ipv4, ipv6] : [ipv4];
  const node = (index: number): NodeConfig => ({
    name: `node-${index + 1}`,
    addresses: families.map(({ nodeAddress }) => nodeAddress(index)),
    podCidrs: families.map(({ nodePodCidr }) => nodePodCidr(index)),
    zone: zoneName(index % zones),
  });
  return {
    id: randomBytes(4).toString("hex"),
    dataDir: options.dataDir,
    runDir: paths(options.dataDir).run,
    clusterDomain: "cluster.local",
    podCidrs: families.map(({ podCidr }) => podCidr),
    serviceCidrs: families.map(({ serviceCidr }) => serviceCidr),
    dnsAddresses: families.map(({ dnsAddress }) => dnsAddress),
    nodePortRange: { from: 30000, to: 32767 },
    loadBalancerPool: families.map(({ loadBalancerPool }) => loadBalancerPool).join(","),
    underlay: { bridge: "fairlead0", networks: families.map(({ underlay }) => underlay) },
    apiPort: options.apiPort,
    nodes: Array.from({ length: options.nodes }, (_, index) => node(index)),
    nodeGraceMs: options.nodeGraceMs ?? defaultNodeGraceMs,
    tolerations: options.tolerations,
    enabledAdmission: options.enabledAdmission,
    registries: options.registries,
    containerRuntime: options.containerRuntime,
  };
}

/** The API server inside the cluster's namespaces: Pods, agents and the load balancer reach it there. */
export const insideApiUrl = (config: ClusterConfig): string => `https://${underlayAddress(config)}:${config.apiPort}`;
/** And on the host. */
export const hostApiUrl = (config: ClusterConfig): string => `https://127.0.0.1:${config.apiPort}`;
