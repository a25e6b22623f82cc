/** What the proxy goes by: the configuration's values for the mode that runs. */
import { type Cidr, hostCidr, parseCidr } from "../../net/cidr.ts";
import { familyOf, parseIp } from "../../net/ip.ts";
import { type IpvsOptions, parseIpvsOptions } from "../backends/ipvs/options.ts";
import type { Settings } from "../backends/port.ts";
import type { NodeFacts } from "../state.ts";
import { fields, type Value } from "./fields.ts";
import type { Values } from "./values.ts";

export interface ConntrackConfig {
  readonly maxPerCore: number;
  readonly min: number;
  readonly tcpEstablishedTimeoutMs: number;
  readonly tcpCloseWaitTimeoutMs: number;
  readonly tcpBeLiberal: boolean;
  readonly udpTimeoutMs: number;
  readonly udpStreamTimeoutMs: number;
}

export const detectLocalModes = ["ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix"] as const;
type DetectLocalMode = (typeof detectLocalModes)[number];

export interface ProxyConfig {
  readonly bindAddress: string;
  readonly clusterCIDR: readonly string[];
  readonly serviceCIDR: readonly string[];
  readonly detectLocalMode: DetectLocalMode;
  readonly bridgeInterface: string;
  readonly interfaceNamePrefix: string;
  readonly nodePortAddresses: readonly string[];
  readonly localhostNodePorts: boolean;
  readonly masqueradeAll: boolean;
  readonly masqueradeBit: number;
  readonly healthzBindAddress: string;
  readonly metricsBindAddress: string;
  readonly bindAddressHardFail: boolean;
  readonly syncPeriodMs: number;
  readonly minSyncPeriodMs: number;
  readonly oomScoreAdj: number;
  readonly allowServiceExternalIPs: boolean;
  readonly conntrack: ConntrackConfig;
  readonly ipvs: IpvsConfig;
}

export interface IpvsConfig {
  readonly scheduler: string;
  readonly excludeCIDRs: readonly string[];
  readonly strictARP: boolean;
  readonly tcpTimeoutMs: number;
  readonly tcpFinTimeoutMs: number;
  readonly udpTimeoutMs: number;
}

export const modes = ["auto", "nftables", "iptables", "ipvs", "ebpf", "userspace"] as const;

/** The section of the configuration that the mode goes by (kube-proxy's: that of the active mode). */
export function sectionOf(mode: string): "nftables" | "iptables" | "ipvs" {
  return mode === "iptables" || mode === "ipvs" ? mode : "nftables";
}

const defaults = new Map(fields.map((field) => [field.path, field.default]));

/** `--bind-address=::` moves the listeners' defaults to IPv6 too (P191). */
function listenAddress(values: Values, path: string, { isIpv6 }: { isIpv6: boolean }): string {
  const given = values.get(path);
  const fallback = String(defaults.get(path));
  const port = fallback.slice(fallback.lastIndexOf(":") + 1);
  if (given === undefined) return isIpv6 ? (path.startsWith("healthz") ? `[::]:${port}` : `[::1]:${port}`) : fallback;
  const text = String(given);
  const ip = parseIp(text);
  if (!ip) return text;
  return ip.family === "IPv6" ? `[${text}]:${port}` : `${text}:${port}`;
}

export function effectiveConfig(values: Values, mode: string): ProxyConfig {
  const value = (path: string): Value => values.get(path) ?? defaults.get(path) ?? "";
  const text = (path: string) => String(value(path));
  const number = (path: string) => Number(value(path));
  const list = (path: string) => value(path) as readonly string[];
  const flag = (path: string) => value(path) === true;
  const section = sectionOf(mode);
  const bindAddress = text("bindAddress");
  const at = { isIpv6: familyOf(bindAddress) === "IPv6" };
  const gates = value("featureGates") as Readonly<Record<string, boolean>>;
  return {
    bindAddress,
    clusterCIDR: list("clusterCIDR"),
    serviceCIDR: list("serviceCIDR"),
    detectLocalMode: text("detectLocalMode") as DetectLocalMode,
    bridgeInterface: text("detectLocal.bridgeInterface"),
    interfaceNamePrefix: text("detectLocal.interfaceNamePrefix"),
    nodePortAddresses: list("nodePortAddresses"),
    localhostNodePorts: flag("iptables.localhostNodePorts"),
    masqueradeAll: flag(`${section}.masqueradeAll`),
    masqueradeBit: number(section === "ipvs" ? "iptables.masqueradeBit" : `${section}.masqueradeBit`),
    healthzBindAddress: listenAddress(values, "healthzBindAddress", at),
    metricsBindAddress: listenAddress(values, "metricsBindAddress", at),
    bindAddressHardFail: flag("bindAddressHardFail"),
    syncPeriodMs: number(`${section}.syncPeriod`),
    minSyncPeriodMs: number(`${section}.minSyncPeriod`),
    oomScoreAdj: number("oomScoreAdj"),
    allowServiceExternalIPs: gates.AllowServiceExternalIPs ?? true,
    conntrack: {
      maxPerCore: number("conntrack.maxPerCore"),
      min: number("conntrack.min"),
      tcpEstablishedTimeoutMs: number("conntrack.tcpEstablishedTimeout"),
      tcpCloseWaitTimeoutMs: number("conntrack.tcpCloseWaitTimeout"),
      tcpBeLiberal: flag("conntrack.tcpBeLiberal"),
      udpTimeoutMs: number("conntrack.udpTimeout"),
      udpStreamTimeoutMs: number("conntrack.udpStreamTimeout"),
    },
    ipvs: {
      scheduler: text("ipvs.scheduler"),
      excludeCIDRs: list("ipvs.excludeCIDRs"),
      strictARP: flag("ipvs.strictARP"),
      tcpTimeoutMs: number("ipvs.tcpTimeout"),
      tcpFinTimeoutMs: number("ipvs.tcpFinTimeout"),
      udpTimeoutMs: number("ipvs.udpTimeout"),
    },
  };
}

export const defaultConfig: ProxyConfig = Object.freeze(effectiveConfig(new Map(), "nftables"));

/** What mode ipvs alone needs; throws RangeError for what cannot be used. */
export function ipvsOptionsOf({ ipvs }: ProxyConfig): IpvsOptions {
  const seconds = (ms: number) => Math.ceil(ms / 1000);
  return {
    ...parseIpvsOptions(ipvs),
    strictArp: ipvs.strictARP,
    tcpTimeoutSec: seconds(ipvs.tcpTimeoutMs),
    tcpFinTimeoutSec: seconds(ipvs.tcpFinTimeoutMs),
    udpTimeoutSec: seconds(ipvs.udpTimeoutMs),
  };
}

/** What the data plane needs of a valid config. `serviceCidrs` are those of the API's objects. */
export function settingsOf(config: ProxyConfig, node: NodeFacts, serviceCidrs: readonly string[] = []): Settings {
  const isPrimary = config.nodePortAddresses[0] === "primary";
  return {
    ...podsOf(config, node),
    serviceCidrs: cidrsOf([...new Set([...config.serviceCIDR, ...serviceCidrs])].sort()),
    nodePortCidrs: isPrimary ? primaryAddresses(node) : cidrsOf(config.nodePortAddresses),
    localhostNodePorts: config.localhostNodePorts,
    masqueradeAll: config.masqueradeAll,
    masqueradeBit: config.masqueradeBit,
    dropsInvalid: !config.conntrack.tcpBeLiberal,
  };
}

/** How Pods of this node are told from others. */
function podsOf(config: ProxyConfig, node: NodeFacts): Pick<Settings, "podCidrs" | "podLink"> {
  switch (config.detectLocalMode) {
    case "ClusterCIDR":
      return { podCidrs: cidrsOf(config.clusterCIDR) };
    case "NodeCIDR":
      return { podCidrs: cidrsOf(node.podCidrs) };
    case "BridgeInterface":
      return { podCidrs: [], podLink: { name: config.bridgeInterface, isPrefix: false } };
    case "InterfaceNamePrefix":
      return { podCidrs: [], podLink: { name: config.interfaceNamePrefix, isPrefix: true } };
  }
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
