/** A Service port → the rules that it wants. Pure. */
import { type Endpoint, endpointText, type Route, type ServicePort, type Vip } from "../../state.ts";
import { masqueradeTarget, nodePortMatches, podMatches } from "./base.ts";
import { type Context, type Contribution, host, into, markTarget } from "./contribution.ts";
import { chains, portChain, prefix, recentList } from "./names.ts";
import { leafOf, type Tree } from "./tree.ts";

const services: Tree = { table: "nat", root: chains.services, rank: 1, name: "VIP", match: "-d" };
const hairpins: Tree = { table: "nat", root: chains.postrouting, rank: 2, name: "LOOP", match: "-s" };
const closed: Tree = { table: "filter", root: chains.closed, rank: 1, name: "VIP", match: "-d" };
const firewall: Tree = { table: "mangle", root: chains.firewall, rank: 1, name: "VIP", match: "-d" };

export function renderPort(port: ServicePort, context: Context): Contribution[] {
  return [
    ...port.vips.flatMap((vip) => renderVip(port, vip)),
    ...renderNodePort(port, context),
    ...renderOutside(port, context),
    ...renderChoice(port, "SVC"),
    ...renderChoice(port, "SVL"),
    ...renderHairpins(port),
    ...renderRanges(port),
  ];
}

const isOpen = (route: Route): boolean => route === "cluster" || route === "local";
/** Pods and processes of the node are served even where others are dropped. */
const servesOutside = ({ external }: ServicePort): boolean => external !== "reject";
const isUsedOutside = ({ nodePort, vips }: ServicePort): boolean =>
  nodePort !== 0 || vips.some(({ role }) => role !== "clusterIP");

const l4 = ({ protocol }: ServicePort): string => protocol.toLowerCase();
/** e.g. "-p tcp -m tcp --dport 80". */
const onPort = (port: ServicePort, number = port.port): string => `-p ${l4(port)} -m ${l4(port)} --dport ${number}`;
const comment = ({ name }: ServicePort): string =>
  `-m comment --comment "${name.replace(/[^\w:/.-]/g, "?").slice(0, 200)}"`;
const verdictOf = (route: Route): string => (route === "drop" ? "-j DROP" : `-j ${chains.reject}`);

function renderVip(port: ServicePort, { address, role }: Vip): Contribution[] {
  const isClusterIp = role === "clusterIP";
  const route = isClusterIp ? port.internal : port.external;
  const match = `-d ${host(address)} ${onPort(port)}`;
  const dnat = leafOf(services, address);
  const filter = leafOf(closed, address);
  const to = into("nat", dnat.chain);
  const close = into("filter", filter.chain);
  const found: Contribution[] = [];
  if (isClusterIp && isOpen(route)) {
    const chain = portChain(route === "local" ? "SVL" : "SVC", port.name);
    found.push(...dnat.path, to(0, `${match} -j ${chains.foreign}`), to(1, `${match} ${comment(port)} -g ${chain}`));
  }
  if (!isClusterIp && servesOutside(port)) {
    found.push(...dnat.path, to(1, `${match} ${comment(port)} -g ${portChain("EXT", port.name)}`));
  }
  if (!isOpen(route)) found.push(...filter.path, close(0, `${match} ${comment(port)} ${verdictOf(route)}`));
  if (isClusterIp) found.push(...filter.path, close(1, `-d ${host(address)} ! -p ${icmp(port)} -j ${chains.reject}`));
  return found;
}

const icmp = ({ family }: ServicePort): string => (family === "IPv4" ? "icmp" : "ipv6-icmp");

/** Node ports are found by blocks of 64: at most 44 and 64 comparisons in the default range. */
const nodePortBlock = 64;

function renderNodePort(port: ServicePort, context: Context): Contribution[] {
  const { nodePort } = port;
  if (nodePort === 0) return [];
  const first = Math.floor(nodePort / nodePortBlock) * nodePortBlock;
  const chain = `${prefix}NP-${port.protocol}-${first}`;
  const path = (table: "nat" | "filter", root: string): Contribution[] => [
    ...nodePortMatches(context).map((match) => into(table, root)(9, `${match} -j ${chains.nodePorts}`)),
    into(table, chains.nodePorts)(
      0,
      `-p ${l4(port)} -m ${l4(port)} --dport ${first}:${first + nodePortBlock - 1} -j ${chain}`,
    ),
  ];
  const match = `${onPort(port, nodePort)} ${comment(port)}`;
  const found: Contribution[] = [];
  if (servesOutside(port)) {
    const outside = portChain("EXT", port.name);
    found.push(...path("nat", chains.services), into("nat", chain)(0, `${match} -g ${outside}`));
  }
  if (!isOpen(port.external)) {
    found.push(...path("filter", chains.closed), into("filter", chain)(0, `${match} ${verdictOf(port.external)}`));
  }
  return found;
}

/** externalTrafficPolicy Local: Pods and processes of this node reach every endpoint; others only local ones, and keep their address. */
function renderOutside(port: ServicePort, context: Context): Contribution[] {
  if (!isUsedOutside(port) || !servesOutside(port)) return [];
  const rule = into("nat", portChain("EXT", port.name));
  const near = `-g ${portChain("SVC", port.name)}`;
  const mark = markTarget(context.settings);
  if (port.external === "cluster") return [rule(0, mark), rule(1, near)];
  const fromNode = "-m addrtype --src-type LOCAL";
  return [
    ...podMatches(context).map((match) => rule(0, `${match} ${near}`)),
    rule(1, `${fromNode} ${mark}`),
    rule(2, `${fromNode} ${near}`),
    ...(port.external === "local" ? [rule(3, `-g ${portChain("SVL", port.name)}`)] : []),
  ];
}

/** The chain that chooses one of the endpoints: first who knows the client, then by chance. */
function renderChoice(port: ServicePort, kind: "SVC" | "SVL"): Contribution[] {
  const endpoints = chosen(port, kind);
  const rule = into("nat", portChain(kind, port.name));
  const known = port.affinitySec > 0 ? endpoints.map((endpoint, i) => rule(i, knownRule(port, endpoint))) : [];
  const count = endpoints.length;
  return [...known, ...endpoints.map((endpoint, i) => rule(count + i, chanceRule(port, endpoint, count - i)))];
}

function chosen(port: ServicePort, kind: "SVC" | "SVL"): readonly Endpoint[] {
  const route = kind === "SVC" ? "cluster" : "local";
  const outside = isUsedOutside(port) && servesOutside(port) && (kind === "SVC" || port.external === "local");
  if (port.internal !== route && !outside) return [];
  return [...(kind === "SVC" ? port.clusterEndpoints : port.localEndpoints)];
}

const dnatTo = (endpoint: Endpoint): string => `-j DNAT --to-destination ${endpointText(endpoint)}`;

function listMatch(port: ServicePort, endpoint: Endpoint, action: string): string {
  const mask = port.family === "IPv4" ? "255.255.255.255" : Array(8).fill("ffff").join(":");
  return `-m recent ${action} --name ${recentList(port.name, endpointText(endpoint))} --mask ${mask} --rsource`;
}

function knownRule(port: ServicePort, endpoint: Endpoint): string {
  const list = listMatch(port, endpoint, `--update --seconds ${port.affinitySec} --reap`);
  return `-p ${l4(port)} ${list} ${dnatTo(endpoint)}`;
}

/** The n-th of the endpoints left is taken with chance 1/n, so that all are equal. */
function chanceRule(port: ServicePort, endpoint: Endpoint, left: number): string {
  const chance = left > 1 ? `-m statistic --mode random --probability ${(1 / left).toFixed(11)} ` : "";
  const remember = port.affinitySec > 0 ? `${listMatch(port, endpoint, "--set")} ` : "";
  return `-p ${l4(port)} ${chance}${remember}${dnatTo(endpoint)}`;
}

/** A Pod that reaches itself through its Service must see another address than its own, or it would answer itself directly. */
function renderHairpins(port: ServicePort): Contribution[] {
  const endpoints = [...chosen(port, "SVC"), ...chosen(port, "SVL")];
  return endpoints
    .filter(({ local, unplaced }) => local || unplaced)
    .flatMap(({ ip }) => {
      const leaf = leafOf(hairpins, ip);
      return [...leaf.path, into("nat", leaf.chain)(0, `-s ${host(ip)} -d ${host(ip)} ${masqueradeTarget}`)];
    });
}

function renderRanges(port: ServicePort): Contribution[] {
  if (port.sourceRanges.length === 0) return [];
  const chain = portChain("FW", port.name);
  const rule = into("mangle", chain);
  const found = port.vips
    .filter(({ role }) => role === "loadBalancerIP")
    .flatMap(({ address }) => {
      const leaf = leafOf(firewall, address);
      return [
        ...leaf.path,
        into("mangle", leaf.chain)(0, `-d ${host(address)} ${onPort(port)} ${comment(port)} -j ${chain}`),
      ];
    });
  if (found.length === 0) return [];
  return [...found, ...port.sourceRanges.map((range) => rule(0, `-s ${range} -j RETURN`)), rule(1, "-j DROP")];
}
