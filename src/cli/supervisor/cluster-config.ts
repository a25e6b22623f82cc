/** The facts of an embedded cluster, from what the command line leaves open. */
import { randomBytes } from "node:crypto";
import type { ClusterConfig, NodeConfig } from "../cluster.ts";
import { paths } from "../data-dir.ts";
import type { TolerationSeconds } from "../node-options.ts";

/** Nodes have a /24 of 10.244.0.0/16 each, and addresses of the underlay from 172.18.0.2 on. */
export const maxNodes = 200;

/** More only when asked for: three are what spreading is usually about. */
const usualZones = 3;
const defaultNodeGraceMs = 40_000;

/** "zone-a", "zone-b", …; after "zone-z" numbers. */
const zoneName = (index: number): string => `zone-${index < 26 ? String.fromCharCode(97 + index) : index + 1}`;

const node = (index: number, zones: number): NodeConfig => ({
  name: `node-${index + 1}`,
  address: `172.18.0.${index + 2}`,
  podCidr: `10.244.${index}.0/24`,
  zone: zoneName(index % zones),
});

interface ClusterWishes {
  readonly dataDir: string;
  readonly apiPort: number;
  readonly nodes: number;
  readonly zones: number | undefined;
  readonly nodeGraceMs: number | undefined;
  readonly tolerations: TolerationSeconds;
  readonly registries: Readonly<Record<string, string>>;
}

export function clusterConfig(options: ClusterWishes): ClusterConfig {
  const zones = options.zones ?? Math.min(options.nodes, usualZones);
  return {
    id: randomBytes(4).toString("hex"),
    dataDir: options.dataDir,
    runDir: paths(options.dataDir).run,
    clusterDomain: "cluster.local",
    podCidr: "10.244.0.0/16",
    serviceCidr: "10.96.0.0/16",
    dnsAddress: "10.96.0.10",
    nodePortRange: { from: 30000, to: 32767 },
    loadBalancerPool: "172.18.255.200-172.18.255.250",
    underlay: { bridge: "fairlead0", cidr: "172.18.0.0/16", address: "172.18.0.1" },
    apiPort: options.apiPort,
    nodes: Array.from({ length: options.nodes }, (_, index) => node(index, zones)),
    nodeGraceMs: options.nodeGraceMs ?? defaultNodeGraceMs,
    tolerations: options.tolerations,
    registries: options.registries,
  };
}

/** The API server inside the cluster's namespaces: Pods, agents and the load balancer reach it there. */
export const insideApiUrl = (config: ClusterConfig): string => `https://${config.underlay.address}:${config.apiPort}`;
/** And on the host. */
export const hostApiUrl = (config: ClusterConfig): string => `https://127.0.0.1:${config.apiPort}`;
