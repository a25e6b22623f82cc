/** The rules that are there whatever the Services are, and where built-in chains jump to ours. */
import type { TableName } from "../../../kernel/iptables/port.ts";
import { type Cidr, formatCidr, networkOf } from "../../../net/cidr.ts";
import { type Context, type Contribution, hex, into, markTarget } from "./contribution.ts";
import { chains } from "./names.ts";

export interface Jump {
  readonly table: TableName;
  readonly builtin: string;
  readonly rule: string;
}

const isNew = "-m conntrack --ctstate NEW";
/** A packet of a connection that some NAT sent elsewhere. */
const isTranslated = "-m conntrack --ctstate DNAT";

export const jumps: readonly Jump[] = [
  { table: "mangle", builtin: "PREROUTING", rule: `-j ${chains.loopback}` },
  // Before the nat table, which the source ranges must see the VIP of; the nat table itself must not drop.
  { table: "mangle", builtin: "PREROUTING", rule: `${isNew} -j ${chains.firewall}` },
  { table: "mangle", builtin: "OUTPUT", rule: `${isNew} -j ${chains.firewall}` },
  { table: "nat", builtin: "PREROUTING", rule: `-j ${chains.services}` },
  { table: "nat", builtin: "OUTPUT", rule: `-j ${chains.services}` },
  { table: "nat", builtin: "POSTROUTING", rule: `-j ${chains.postrouting}` },
  ...["INPUT", "FORWARD", "OUTPUT"].map(
    (builtin): Jump => ({ table: "filter", builtin, rule: `${isNew} -j ${chains.closed}` }),
  ),
  { table: "filter", builtin: "FORWARD", rule: `-j ${chains.forward}` },
];

export const masqueradeTarget = "-j MASQUERADE --random-fully";

/** Every chain that a jump names has a rule here, so that it exists. */
export function baseContributions(context: Context): Contribution[] {
  return [...mangle(context), ...nat(context), ...filter(context)];
}

function mangle({ family, settings }: Context): Contribution[] {
  const loopback = into("mangle", chains.loopback);
  const guards = family === "IPv4" && settings.localhostNodePorts;
  return [
    into("mangle", chains.firewall)(0, `${isTranslated} -j RETURN`),
    loopback(0, `-m conntrack ! --ctstate NEW -j RETURN`),
    // route_localnet lets packets to 127.0.0.1 in from the wire: none of them is wanted (CVE-2020-8558).
    ...(guards ? [loopback(1, "-d 127.0.0.0/8 ! -i lo -j DROP")] : []),
  ];
}

function nat(context: Context): Contribution[] {
  const { family, settings } = context;
  const bit = hex(2 ** settings.masqueradeBit);
  const masquerade = into("nat", chains.masquerade);
  const postrouting = into("nat", chains.postrouting);
  const foreign = into("nat", chains.foreign);
  const pods = podMatches(context);
  return [
    // The bit is cleared first: a packet that comes by again in a tunnel is not masqueraded twice.
    masquerade(0, `-j MARK --set-xmark 0x0/${bit}`),
    // Only counted: what comes from a loopback address and is translated goes to a node port at one.
    ...(family === "IPv4" && settings.localhostNodePorts ? [masquerade(1, `-s 127.0.0.0/8 ${isTranslated}`)] : []),
    masquerade(2, masqueradeTarget),
    postrouting(0, `-m mark --mark ${bit}/${bit} -j ${chains.masquerade}`),
    postrouting(1, `-m conntrack ! --ctstate DNAT -j RETURN`),
    // Where nothing tells Pods from others, everybody keeps the address on the way to a clusterIP.
    ...(settings.masqueradeAll ? [] : pods.map((match) => foreign(0, `${match} -j RETURN`))),
    foreign(1, settings.masqueradeAll || pods.length > 0 ? markTarget(settings) : "-j RETURN"),
    into("nat", chains.services)(0, `${isTranslated} -j RETURN`),
  ];
}

function filter(context: Context): Contribution[] {
  const { family, settings } = context;
  const bit = hex(2 ** settings.masqueradeBit);
  const closed = into("filter", chains.closed);
  const forward = into("filter", chains.forward);
  const reject = into("filter", chains.reject);
  return [
    closed(0, `${isTranslated} -j RETURN`),
    ...cidrsOf(settings.serviceCidrs, context).map((cidr) => closed(2, `-d ${cidr} -j DROP`)),
    // A TCP client believes a reset at once; an ICMP error may be rate-limited or lost.
    reject(0, "-p tcp -j REJECT --reject-with tcp-reset"),
    reject(1, `-j REJECT --reject-with ${family === "IPv4" ? "icmp" : "icmp6"}-port-unreachable`),
    // A Pod's answer that conntrack gave up on would leave with the Pod's address, and its client would reset the connection.
    ...(settings.dropsInvalid ? podMatches(context) : []).map((match) =>
      forward(0, `${match} -m conntrack --ctstate INVALID -j DROP`),
    ),
    // A node whose policy for forwarded packets is DROP still serves.
    forward(1, `-m mark --mark ${bit}/${bit} -j ACCEPT`),
    forward(2, `${isTranslated} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`),
  ];
}

/** Each way to know a packet from a Pod; none: nothing tells. */
export function podMatches(context: Context): string[] {
  const { podCidrs, podLink } = context.settings;
  const link = podLink && `-i ${podLink.name}${podLink.isPrefix ? "+" : ""}`;
  return [...cidrsOf(podCidrs, context).map((cidr) => `-s ${cidr}`), ...(link ? [link] : [])];
}

function cidrsOf(cidrs: readonly Cidr[], { family }: Context): string[] {
  return cidrs.filter(({ ip }) => ip.family === family).map((cidr) => formatCidr(networkOf(cidr)));
}

/** Leads packets to an address of this node that takes node ports on. Blocks of the other family do not narrow this one. */
export function nodePortMatches(context: Context): string[] {
  const { family, settings } = context;
  const blocks = cidrsOf(settings.nodePortCidrs, context);
  const narrow = blocks.filter((cidr) => !cidr.endsWith("/0"));
  const loopback = family === "IPv4" ? "127.0.0.0/8" : "::1/128";
  const localhost = family === "IPv4" && settings.localhostNodePorts;
  const local = "-m addrtype --dst-type LOCAL";
  if (narrow.length === 0 || narrow.length < blocks.length) return [localhost ? local : `! -d ${loopback} ${local}`];
  return [...narrow, ...(localhost ? [loopback] : [])].map((cidr) => `-d ${cidr} ${local}`);
}
