/** What the proxy can be told. Names as in KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1) where it has the field. */
import { type Cidr, hostCidr, parseCidr } from "../net/cidr.ts";
import { parseIp } from "../net/ip.ts";
import { type IpvsOptions, parseIpvsOptions, schedulers } from "./backends/ipvs/options.ts";
import type { Settings } from "./backends/port.ts";
import type { NodeFacts } from "./state.ts";

export interface ProxyConfig {
  readonly clusterCIDR: readonly string[];
  readonly serviceCIDR: readonly string[];
  readonly nodePortAddresses: readonly string[];
  readonly localhostNodePorts: boolean;
  readonly masqueradeAll: boolean;
  readonly masqueradeBit: number;
  readonly healthzBindAddress: string;
  readonly metricsBindAddress: string;
  readonly syncPeriodMs: number;
  readonly minSyncPeriodMs: number;
  readonly ipvsScheduler: string;
  readonly ipvsExcludeCIDRs: readonly string[];
  readonly ipvsStrictARP: boolean;
  readonly ipvsTcpTimeoutMs: number;
  readonly ipvsTcpFinTimeoutMs: number;
  readonly ipvsUdpTimeoutMs: number;
}

/** One option: the CLI makes flags and help from this table. */
export interface ConfigField {
  readonly key: keyof ProxyConfig;
  /** e.g. "cluster-cidr": the flag's name is kube-proxy's, where it has the flag. */
  readonly flag: string;
  readonly kind: "list" | "boolean" | "number" | "address" | "durationMs" | "name";
  readonly help: string;
}

export const defaultConfig: ProxyConfig = Object.freeze({
  clusterCIDR: [],
  serviceCIDR: [],
  nodePortAddresses: [],
  localhostNodePorts: true,
  masqueradeAll: false,
  masqueradeBit: 14,
  healthzBindAddress: "0.0.0.0:10256",
  metricsBindAddress: "127.0.0.1:10249",
  syncPeriodMs: 30_000,
  minSyncPeriodMs: 0,
  ipvsScheduler: "rr",
  ipvsExcludeCIDRs: [],
  ipvsStrictARP: false,
  ipvsTcpTimeoutMs: 0,
  ipvsTcpFinTimeoutMs: 0,
  ipvsUdpTimeoutMs: 0,
});

export const configFields: readonly ConfigField[] = [
  {
    key: "clusterCIDR",
    flag: "cluster-cidr",
    kind: "list",
    help: "blocks of Pod addresses; traffic from elsewhere to a clusterIP gets the node's address",
  },
  {
    key: "serviceCIDR",
    flag: "service-cidr",
    kind: "list",
    help: "blocks of clusterIPs; packets to addresses in them that no Service has are dropped",
  },
  {
    key: "nodePortAddresses",
    flag: "nodeport-addresses",
    kind: "list",
    help: 'blocks of node addresses that take node ports, or "primary"; empty: all but loopback',
  },
  {
    key: "localhostNodePorts",
    flag: "localhost-nodeports",
    kind: "boolean",
    help: "127.0.0.1 takes node ports from processes of the node (sets net.ipv4.conf.all.route_localnet)",
  },
  {
    key: "masqueradeAll",
    flag: "masquerade-all",
    kind: "boolean",
    help: "all clusterIP traffic gets the node's address",
  },
  {
    key: "masqueradeBit",
    flag: "masquerade-bit",
    kind: "number",
    help: "bit of the packet mark that asks for masquerade, 0 to 31",
  },
  {
    key: "healthzBindAddress",
    flag: "healthz-bind-address",
    kind: "address",
    help: 'serves /healthz and /livez; "" for none',
  },
  {
    key: "metricsBindAddress",
    flag: "metrics-bind-address",
    kind: "address",
    help: 'serves /metrics and /proxyMode; "" for none',
  },
  {
    key: "syncPeriodMs",
    flag: "sync-period",
    kind: "durationMs",
    help: "not healthy when a change waits for twice as long",
  },
  {
    key: "minSyncPeriodMs",
    flag: "min-sync-period",
    kind: "durationMs",
    help: "least time between two writes to the kernel",
  },
  {
    key: "ipvsScheduler",
    flag: "ipvs-scheduler",
    kind: "name",
    help: `mode ipvs: how a connection's endpoint is chosen: ${schedulers.join(", ")}`,
  },
  {
    key: "ipvsExcludeCIDRs",
    flag: "ipvs-exclude-cidrs",
    kind: "list",
    help: "mode ipvs: blocks of addresses whose virtual services are never deleted",
  },
  {
    key: "ipvsStrictARP",
    flag: "ipvs-strict-arp",
    kind: "boolean",
    help: "mode ipvs: answer ARP only on the link that has the address (what announces VIPs by ARP needs it)",
  },
  {
    key: "ipvsTcpTimeoutMs",
    flag: "ipvs-tcp-timeout",
    kind: "durationMs",
    help: "mode ipvs: how long an idle TCP connection is remembered; 0: the kernel's value",
  },
  {
    key: "ipvsTcpFinTimeoutMs",
    flag: "ipvs-tcpfin-timeout",
    kind: "durationMs",
    help: "mode ipvs: the same after a FIN",
  },
  {
    key: "ipvsUdpTimeoutMs",
    flag: "ipvs-udp-timeout",
    kind: "durationMs",
    help: "mode ipvs: the same for UDP",
  },
];

/** The first thing that is wrong with the values, as a sentence; undefined when nothing is. */
export function validateConfig(config: ProxyConfig): string | undefined {
  const lists = ["clusterCIDR", "serviceCIDR"] as const;
  for (const key of lists) {
    const wrong = config[key].find((text) => !parseCidr(text));
    if (wrong !== undefined) return `Cannot use ${key} "${wrong}": it must be a CIDR such as 10.244.0.0/16`;
  }
  const addresses = config.nodePortAddresses;
  const wrong = addresses.find((text) => text !== "primary" && !parseCidr(text));
  if (wrong !== undefined) return `Cannot use nodePortAddresses "${wrong}": it must be a CIDR or "primary"`;
  if (addresses.includes("primary") && addresses.length > 1) {
    return 'Cannot use nodePortAddresses: "primary" must stand alone';
  }
  if (!Number.isInteger(config.masqueradeBit) || config.masqueradeBit < 0 || config.masqueradeBit > 31) {
    return `Cannot use masqueradeBit ${config.masqueradeBit}: it must be 0 to 31`;
  }
  if (config.syncPeriodMs <= 0 || config.minSyncPeriodMs < 0 || config.minSyncPeriodMs > config.syncPeriodMs) {
    return "Cannot use minSyncPeriod: it must be at least 0 and at most syncPeriod, which must be more than 0";
  }
  return ipvsFault(config);
}

function ipvsFault(config: ProxyConfig): string | undefined {
  try {
    ipvsOptionsOf(config);
    return undefined;
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

/** What mode ipvs alone needs; throws RangeError for what cannot be used. */
export function ipvsOptionsOf(config: ProxyConfig): IpvsOptions {
  const seconds = (ms: number) => Math.ceil(ms / 1000);
  return {
    ...parseIpvsOptions({ scheduler: config.ipvsScheduler, excludeCIDRs: config.ipvsExcludeCIDRs }),
    strictArp: config.ipvsStrictARP,
    tcpTimeoutSec: seconds(config.ipvsTcpTimeoutMs),
    tcpFinTimeoutSec: seconds(config.ipvsTcpFinTimeoutMs),
    udpTimeoutSec: seconds(config.ipvsUdpTimeoutMs),
  };
}

/** What the data plane needs of a valid config. */
export function settingsOf(config: ProxyConfig, node: NodeFacts): Settings {
  const isPrimary = config.nodePortAddresses[0] === "primary";
  return {
    podCidrs: cidrsOf(config.clusterCIDR),
    serviceCidrs: cidrsOf(config.serviceCIDR),
    nodePortCidrs: isPrimary ? primaryAddresses(node) : cidrsOf(config.nodePortAddresses),
    localhostNodePorts: config.localhostNodePorts,
    masqueradeAll: config.masqueradeAll,
    masqueradeBit: config.masqueradeBit,
  };
}

function cidrsOf(texts: readonly string[]): Cidr[] {
  return texts.map(parseCidr).filter((cidr) => cidr !== undefined);
}

/** The first address of each family. */
function primaryAddresses({ addresses }: NodeFacts): Cidr[] {
  const ips = addresses.map(parseIp).filter((ip) => ip !== undefined);
  const first = (["IPv4", "IPv6"] as const).map((family) => ips.find((ip) => ip.family === family));
  return first.filter((ip) => ip !== undefined).map(hostCidr);
}
