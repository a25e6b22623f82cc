/** What is wrong with a configuration: each a sentence without its end, with the field and what it must be. */
import { parseCidr } from "../../net/cidr.ts";
import { parseIp } from "../../net/ip.ts";
import { detectLocalModes, ipvsOptionsOf, type ProxyConfig } from "./effective.ts";

/** The first thing that is wrong with the values; undefined when nothing is. */
export function validateConfig(config: ProxyConfig): string | undefined {
  for (const check of checks) {
    const fault = check(config);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

const fault = (field: string, value: unknown, must: string): string =>
  `Cannot use ${field} "${value}": it must be ${must}`;

function numberFault(field: string, value: number, [from, to]: readonly [number, number]): string | undefined {
  if (Number.isInteger(value) && value >= from && value <= to) return undefined;
  return fault(field, value, to === Number.POSITIVE_INFINITY ? `at least ${from}` : `${from} to ${to}`);
}

const notNegative = [0, Number.POSITIVE_INFINITY] as const;

const checks: readonly ((config: ProxyConfig) => string | undefined)[] = [
  ({ bindAddress }) => (parseIp(bindAddress) ? undefined : fault("bindAddress", bindAddress, "an IP address")),
  ({ healthzBindAddress }) => addressFault("healthzBindAddress", healthzBindAddress),
  ({ metricsBindAddress }) => addressFault("metricsBindAddress", metricsBindAddress),
  ({ clusterCIDR }) => cidrsFault("clusterCIDR", clusterCIDR, "10.244.0.0/16"),
  ({ clusterCIDR }) => pairFault(clusterCIDR),
  ({ serviceCIDR }) => cidrsFault("serviceCIDR", serviceCIDR, "10.96.0.0/12"),
  ({ detectLocalMode: mode }) =>
    detectLocalModes.includes(mode)
      ? undefined
      : fault("detectLocalMode", mode, `one of ${detectLocalModes.join(", ")}`),
  (config) => linkFault(config),
  ({ nodePortAddresses }) => nodePortFault(nodePortAddresses),
  ({ masqueradeBit }) => numberFault("masqueradeBit", masqueradeBit, [0, 31]),
  ({ oomScoreAdj }) => numberFault("oomScoreAdj", oomScoreAdj, [-1000, 1000]),
  ({ syncPeriodMs }) => (syncPeriodMs > 0 ? undefined : "Cannot use syncPeriod: it must be more than 0"),
  ({ syncPeriodMs, minSyncPeriodMs }) =>
    minSyncPeriodMs >= 0 && minSyncPeriodMs <= syncPeriodMs
      ? undefined
      : "Cannot use minSyncPeriod: it must be at least 0 and at most syncPeriod",
  ({ conntrack }) => firstNegative("conntrack", { ...conntrack, tcpBeLiberal: 0 }),
  ({ ipvs: { tcpTimeoutMs, tcpFinTimeoutMs, udpTimeoutMs } }) =>
    firstNegative("ipvs", { tcpTimeoutMs, tcpFinTimeoutMs, udpTimeoutMs }),
  ipvsFault,
];

function addressFault(field: string, text: string): string | undefined {
  if (text === "") return undefined;
  const [, host = "", port = ""] = /^(.*):(\d+)$/.exec(text) ?? [];
  const isHost = parseIp(host.replace(/^\[(.*)\]$/, "$1")) !== undefined;
  const isPort = Number(port) >= 1 && Number(port) <= 65_535;
  return isHost && isPort
    ? undefined
    : fault(field, text, "an IP address with a port from 1 to 65535, such as 0.0.0.0:10256");
}

function cidrsFault(field: string, texts: readonly string[], example: string): string | undefined {
  const wrong = texts.find((text) => !parseCidr(text));
  return wrong === undefined ? undefined : fault(field, wrong, `a CIDR such as ${example}`);
}

/** One block, or one of each family. */
function pairFault(texts: readonly string[]): string | undefined {
  const families = texts.map((text) => parseCidr(text)?.ip.family);
  return new Set(families).size === families.length
    ? undefined
    : fault("clusterCIDR", texts.join(","), "one block, or one of IPv4 and one of IPv6");
}

function linkFault({ detectLocalMode: mode, bridgeInterface, interfaceNamePrefix }: ProxyConfig): string | undefined {
  if (mode === "BridgeInterface" && !bridgeInterface)
    return "Cannot use detectLocalMode BridgeInterface: detectLocal.bridgeInterface must name the link";
  if (mode === "InterfaceNamePrefix" && !interfaceNamePrefix)
    return "Cannot use detectLocalMode InterfaceNamePrefix: detectLocal.interfaceNamePrefix must be given";
  const name = mode === "BridgeInterface" ? bridgeInterface : interfaceNamePrefix;
  return name.length <= 15 ? undefined : fault("the link's name", name, "at most 15 characters");
}

function nodePortFault(addresses: readonly string[]): string | undefined {
  const wrong = addresses.find((text) => text !== "primary" && !parseCidr(text));
  if (wrong !== undefined) return fault("nodePortAddresses", wrong, 'a CIDR or "primary"');
  return addresses.includes("primary") && addresses.length > 1
    ? 'Cannot use nodePortAddresses: "primary" must stand alone'
    : undefined;
}

function firstNegative(section: string, numbers: Readonly<Record<string, number>>): string | undefined {
  for (const [name, value] of Object.entries(numbers)) {
    const found = numberFault(`${section}.${name.replace(/Ms$/, "")}`, Math.ceil(value), notNegative);
    if (found) return found;
  }
  return undefined;
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
