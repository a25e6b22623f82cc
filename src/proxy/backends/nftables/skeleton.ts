/** The chains that are always there. Hooks and priorities are a contract with other software on the node (kube-proxy's nftables mode). */
import type { BaseHook, Expression, Rule } from "../../../kernel/nftables/port.ts";
import { maskBytes, protocolNumbers, u32, zeros } from "../../../kernel/nftables/values.ts";
import { type Cidr, parseCidr } from "../../../net/cidr.ts";
import type { Settings } from "../port.ts";
import {
  addressSize,
  type Context,
  carry,
  fromPods,
  loadAddress,
  loadPortKey,
  loadVipKey,
  markForMasquerade,
  matchBlock,
  savedPriority,
} from "./chains.ts";
import { verdictMapOf } from "./layout.ts";

export interface SkeletonChain {
  readonly name: string;
  readonly base?: BaseHook;
  readonly rules: readonly Rule[];
}

const dstnat = -100;
const srcnat = 100;
/** Before DNAT, which the source ranges must see the VIP of. */
const beforeDnat = -110;
const filter = 0;
/** RTN_LOCAL of rtnetlink: an address of this host. */
const localType = u32(2);
/** NF_CT_STATE_BIT(IP_CT_NEW), NF_CT_STATE_INVALID_BIT and IPS_DST_NAT of the kernel's connection tracking. */
const stateNew = 8;
const stateInvalid = 1;
const statusDnat = 32;

const jump = (chain: string): Expression => ({ name: "verdict", verdict: "jump", chain });
const goto = (chain: string): Expression => ({ name: "verdict", verdict: "goto", chain });
const drop: Expression = { name: "verdict", verdict: "drop" };

/** Goes to the chain whose number the set has for the key in register 0. The number is carried as ids are (chains.ts). */
function lookUpChain(set: string): Expression[] {
  return [
    { name: "lookup", set, from: 0, to: 0 },
    { name: "meta", key: "priority", to: savedPriority },
    ...carry(0),
    { name: "meta-set", key: "priority", from: savedPriority },
    { name: "lookup", set: verdictMapOf(set), from: 0, to: "verdict" },
  ];
}

/** In the order in which they can be made: a chain before those that go to it. */
export function skeletonOf(context: Context): readonly SkeletonChain[] {
  return [...verdictChains(context), ...dnatChains(context), ...rangeChains(context), ...baseChains(context)];
}

function verdictChains(context: Context): SkeletonChain[] {
  const { family, settings } = context;
  const icmp = String.fromCharCode(family === "IPv4" ? protocolNumbers.ICMP : protocolNumbers.ICMPv6);
  const isTcp: Expression[] = [
    { name: "meta", key: "l4proto", to: 0 },
    { name: "compare", from: 0, is: "equal", value: String.fromCharCode(protocolNumbers.TCP) },
  ];
  const onClusterIp: Rule = [
    loadAddress("daddr", family, 0),
    { name: "lookup", set: "cluster-ips", from: 0 },
    { name: "meta", key: "l4proto", to: 0 },
    { name: "compare", from: 0, is: "unequal", value: icmp },
    goto("to-reject"),
  ];
  return [
    // A TCP client believes a reset at once; an ICMP error may be rate-limited or lost.
    {
      name: "to-reject",
      rules: [[...isTcp, { name: "reject", how: "tcp-reset" }], [{ name: "reject", how: "port-unreachable" }]],
    },
    { name: "to-drop", rules: [[drop]] },
    {
      name: "closed-ports",
      rules: [[...loadPortKey(0), ...lookUpChain("ports-closed")]],
    },
    {
      name: "closed",
      rules: [
        [...loadVipKey(family, 0), ...lookUpChain("vips-closed")],
        onClusterIp,
        ...inFamily(settings.serviceCidrs, context).map((cidr) => [...matchBlock("daddr", cidr, "equal"), drop]),
        ...onNodePortAddress(context, "closed-ports"),
      ],
    },
  ];
}

function dnatChains(context: Context): SkeletonChain[] {
  const { family } = context;
  const vip = (set: string): Rule => [...loadVipKey(family, 0), ...lookUpChain(set)];
  const port = (set: string): Rule => [...loadPortKey(0), ...lookUpChain(set)];
  return [
    { name: "near", rules: [vip("vips-near")] },
    { name: "outside", rules: outsideRules(context, "near", vip("vips-local")) },
    { name: "near-ports", rules: [port("ports-near")] },
    { name: "outside-ports", rules: outsideRules(context, "near-ports", port("ports-local")) },
    { name: "node-ports", rules: [port("ports")] },
    { name: "services", rules: [vip("vips"), ...onNodePortAddress(context, "node-ports")] },
  ];
}

/** externalTrafficPolicy Local: Pods and processes of this node are near, and reach every endpoint; others only local ones. */
function outsideRules(context: Context, near: string, local: Rule): Rule[] {
  const { settings } = context;
  return [
    ...fromPods(context).map((match) => [...match, goto(near)]),
    [...isLocalAddress("saddr"), ...markForMasquerade(settings), goto(near)],
    local,
  ];
}

/** The sets "range-<prefix>" and their rules in chain "ranges" come with the first Service that needs them. */
function rangeChains({ family }: Context): SkeletonChain[] {
  return [
    { name: "ranges", rules: [] },
    {
      name: "firewall",
      rules: [
        [
          ...loadVipKey(family, 0),
          { name: "lookup", set: "ranged", from: 0, absent: true },
          { name: "verdict", verdict: "return" },
        ],
        [jump("ranges")],
        [drop],
      ],
    },
  ];
}

/** Accepts for this hook's chain what comes from a range of the prefix length. */
export function rangeRule(set: string, { family }: Context): Rule {
  const prefix = Number(set.slice(set.lastIndexOf("-") + 1));
  const source = addressSize(family) + 2;
  const mask = maskBytes(prefix, family);
  return [
    ...loadVipKey(family, 0),
    loadAddress("saddr", family, source),
    { name: "bitwise", from: source, to: source, mask, xor: zeros(mask.length) },
    { name: "lookup", set, from: 0 },
    { name: "verdict", verdict: "accept" },
  ];
}

function baseChains(context: Context): SkeletonChain[] {
  const { settings, family } = context;
  const onNew = (chain: string): Rule => [...matchFlags("state", stateNew), jump(chain)];
  // What has an endpoint is on its way to it, and an endpoint's address is no Service's (Service documentation, Endpoints).
  const toClosed: Rule = [
    ...matchFlags("state", stateNew),
    ...matchFlags("status", statusDnat, "equal"),
    jump("closed"),
  ];
  const guard = family === "IPv4" && settings.localhostNodePorts ? [loopbackGuard()] : [];
  const base = (
    name: string,
    type: BaseHook["type"],
    at: [BaseHook["hook"], number],
    rules: Rule[],
  ): SkeletonChain => ({
    name,
    base: { type, hook: at[0], priority: at[1] },
    rules,
  });
  return [
    base("nat-prerouting", "nat", ["prerouting", dstnat], [[jump("services")]]),
    base("nat-output", "nat", ["output", dstnat], [[jump("services")]]),
    base("nat-postrouting", "nat", ["postrouting", srcnat], masqueradeRules(context)),
    base("firewall-prerouting", "filter", ["prerouting", beforeDnat], [...guard, onNew("firewall")]),
    base("firewall-output", "filter", ["output", beforeDnat], [onNew("firewall")]),
    base("filter-input", "filter", ["input", filter], [toClosed]),
    base("filter-forward", "filter", ["forward", filter], [...dropInvalid(context), toClosed]),
    base("filter-output", "filter", ["output", filter], [toClosed]),
  ];
}

/** A Pod's answer that connection tracking gave up on would leave with the Pod's address, and its client would reset the connection. */
export function dropInvalid(context: Context): Rule[] {
  if (!context.settings.dropsInvalid) return [];
  return fromPods(context).map((match) => [...matchFlags("state", stateInvalid), ...match, drop]);
}

/** The bit is cleared first: a packet that comes by again in a tunnel is not masqueraded twice. */
function masqueradeRules({ family, settings }: Context): Rule[] {
  const bit = 2 ** settings.masqueradeBit;
  const clear: Expression[] = [
    { name: "meta", key: "mark", to: 0 },
    { name: "bitwise", from: 0, to: 0, mask: u32(~bit), xor: zeros(4) },
    { name: "meta-set", key: "mark", from: 0 },
  ];
  const isMarked: Expression[] = [
    { name: "meta", key: "mark", to: 0 },
    { name: "bitwise", from: 0, to: 0, mask: u32(bit), xor: zeros(4) },
    { name: "compare", from: 0, is: "unequal", value: zeros(4) },
  ];
  return [
    [...isMarked, ...clear, { name: "masquerade" }],
    [
      ...matchFlags("status", statusDnat),
      loadAddress("saddr", family, 0),
      loadAddress("daddr", family, addressSize(family)),
      { name: "lookup", set: "hairpin", from: 0 },
      { name: "masquerade" },
    ],
  ];
}

/** Goes on when connection tracking has set the flag; `is` "equal": when it has not. */
function matchFlags(key: "state" | "status", flag: number, is: "equal" | "unequal" = "unequal"): Expression[] {
  return [
    { name: "ct", key, to: 0 },
    { name: "bitwise", from: 0, to: 0, mask: u32(flag), xor: zeros(4) },
    { name: "compare", from: 0, is, value: zeros(4) },
  ];
}

function isLocalAddress(of: "saddr" | "daddr"): Expression[] {
  return [
    { name: "fib-type", of, to: 0 },
    { name: "compare", from: 0, is: "equal", value: localType },
  ];
}

const loopbacks = { IPv4: parseCidr("127.0.0.0/8"), IPv6: parseCidr("::1/128") } as const;

/** Goes to `chain` for packets to an address of this node that takes node ports. Blocks of the other family do not narrow this one. */
function onNodePortAddress(context: Context, chain: string): Rule[] {
  const { family, settings } = context;
  const blocks = inFamily(settings.nodePortCidrs, context).filter(({ prefix }) => prefix > 0);
  const isAll = blocks.length === 0 || blocks.length < inFamily(settings.nodePortCidrs, context).length;
  const loopback = loopbacks[family] as Cidr;
  const localhost = family === "IPv4" && settings.localhostNodePorts;
  const match = isAll
    ? [localhost ? [] : matchBlock("daddr", loopback, "unequal")]
    : [...blocks, ...(localhost ? [loopback] : [])].map((cidr) => matchBlock("daddr", cidr, "equal"));
  return match.map((expressions) => [...isLocalAddress("daddr"), ...expressions, goto(chain)]);
}

/** route_localnet lets packets to 127.0.0.1 in from the wire: none of them is wanted (CVE-2020-8558). */
function loopbackGuard(): Rule {
  return [
    ...matchFlags("state", stateNew),
    { name: "meta", key: "iifname", to: 0 },
    { name: "compare", from: 0, is: "unequal", value: "lo".padEnd(16, "\0") },
    ...matchBlock("daddr", loopbacks.IPv4 as Cidr, "equal"),
    drop,
  ];
}

function inFamily(cidrs: Settings["podCidrs"], { family }: Context): Cidr[] {
  return cidrs.filter(({ ip }) => ip.family === family);
}
