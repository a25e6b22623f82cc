/**
 * The chains of the table. IPVS stands in the hooks "input" (99), "output" (-98) and "forward" (100) of the kernel, so what it
 * must not see is refused before, and what it sent on is masqueraded behind it.
 *
 *   prerouting, output -111: source ranges    -110: roles (marks, drops)    input, forward 0, output -109: refusals
 *   postrouting 100: masquerade
 */
import type { BaseHook, Expression, Rule } from "../../../kernel/nftables/port.ts";
import { protocolNumbers, u32, zeros } from "../../../kernel/nftables/values.ts";
import { type Cidr, parseCidr } from "../../../net/cidr.ts";
import {
  addressSize,
  type Context,
  fromPods,
  loadAddress,
  loadPortKey,
  loadVipKey,
  markForMasquerade,
  matchBlock,
  notFromPods,
} from "../nftables/chains.ts";
import { dropInvalid } from "../nftables/skeleton.ts";
import type { Settings } from "../port.ts";
import { type Role, roleValue } from "./layout.ts";
import { nearMask, nearPrefix } from "./near-marks.ts";

export interface Chain {
  readonly name: string;
  readonly base?: BaseHook;
  readonly rules: readonly Rule[];
}

const srcnat = 100;
const beforeIpvs = -110;
/** RTN_LOCAL of rtnetlink: an address of this host. */
const localType = u32(2);
/** NF_CT_STATE_BIT(IP_CT_NEW). */
const stateNew = 8;
/** Behind the largest key. */
const found = 8;

const drop: Expression = { name: "verdict", verdict: "drop" };
const back: Expression = { name: "verdict", verdict: "return" };
const jump = (chain: string): Expression => ({ name: "verdict", verdict: "jump", chain });
const goto = (chain: string): Expression => ({ name: "verdict", verdict: "goto", chain });

/** In the order in which they can be made: a chain before those that go to it. */
export function chainsOf(context: Context): readonly Chain[] {
  return [...roleChains(context), ...refusalChains(context), ...rangeChains(context), ...baseChains(context)];
}

function roleChains(context: Context): Chain[] {
  const { settings } = context;
  return [
    { name: "on-cluster", rules: clusterRules(context) },
    { name: "on-external", rules: [markForMasquerade(settings)] },
    { name: "on-local", rules: localRules(context, "vip") },
    { name: "on-local-port", rules: localRules(context, "port") },
    {
      name: "roles-of-ports",
      rules: [
        onRole(context, "port", "external", goto("on-external")),
        onRole(context, "port", "local", goto("on-local-port")),
        onRole(context, "port", "localDrop", goto("on-local-port")),
      ],
    },
    {
      name: "roles",
      rules: [
        onRole(context, "vip", "cluster", goto("on-cluster")),
        onRole(context, "vip", "external", goto("on-external")),
        onRole(context, "vip", "local", goto("on-local")),
        onRole(context, "vip", "localDrop", goto("on-local")),
        onRole(context, "vip", "drop", drop),
        onRole(context, "vip", "reject", back),
        [loadAddress("daddr", context.family, 0), { name: "lookup", set: "bound", from: 0 }, back],
        ...onNodePortAddress(context, "roles-of-ports"),
      ],
    },
  ];
}

type Keyed = "vip" | "port";
const sets = { vip: { roles: "roles", near: "near" }, port: { roles: "port-roles", near: "near-ports" } } as const;

const loadKey = (by: Keyed, { family }: Context): Expression[] =>
  by === "vip" ? loadVipKey(family, 0) : loadPortKey(0);

function onRole(context: Context, by: Keyed, role: Role, then: Expression): Rule {
  return [
    ...loadKey(by, context),
    { name: "lookup", set: sets[by].roles, from: 0, to: found },
    { name: "compare", from: found, is: "equal", value: roleValue(role) },
    then,
  ];
}

/** A process of this node has the VIP itself as its source: it must not leave with it. */
function clusterRules(context: Context): Rule[] {
  const { settings } = context;
  if (settings.masqueradeAll) return [markForMasquerade(settings)];
  const notPods = notFromPods(context);
  return [
    [...isLocalAddress("saddr"), ...markForMasquerade(settings)],
    ...(notPods ? [[...notPods, ...markForMasquerade(settings)]] : []),
  ];
}

function localRules(context: Context, by: Keyed): Rule[] {
  const toNear: Rule = [
    ...loadKey(by, context),
    { name: "lookup", set: sets[by].near, from: 0, to: found },
    { name: "meta-set", key: "mark", from: found },
    back,
  ];
  return [
    ...fromPods(context).map((match) => [...match, ...toNear]),
    [...isLocalAddress("saddr"), ...toNear],
    onRole(context, by, "localDrop", drop),
  ];
}

function refusalChains(context: Context): Chain[] {
  const { family, settings } = context;
  const icmp = String.fromCharCode(family === "IPv4" ? protocolNumbers.ICMP : protocolNumbers.ICMPv6);
  const protocol = (value: string, is: "equal" | "unequal"): Expression[] => [
    { name: "meta", key: "l4proto", to: 0 },
    { name: "compare", from: 0, is, value },
  ];
  const bound: Expression[] = [loadAddress("daddr", family, 0), { name: "lookup", set: "bound", from: 0 }];
  return [
    // A TCP client believes a reset at once; an ICMP error may be rate-limited or lost.
    {
      name: "to-reject",
      rules: [
        [...protocol(String.fromCharCode(protocolNumbers.TCP), "equal"), { name: "reject", how: "tcp-reset" }],
        [{ name: "reject", how: "port-unreachable" }],
      ],
    },
    { name: "closed-ports", rules: [onRole(context, "port", "reject", goto("to-reject"))] },
    {
      name: "closed",
      rules: [
        onRole(context, "vip", "reject", goto("to-reject")),
        [...loadVipKey(family, 0), { name: "lookup", set: "roles", from: 0, to: found }, back],
        // Else the node's own servers would answer at every VIP.
        [...bound, ...protocol(icmp, "unequal"), goto("to-reject")],
        [...bound, back],
        ...inFamily(settings.serviceCidrs, context).map((cidr) => [...matchBlock("daddr", cidr, "equal"), drop]),
        ...onNodePortAddress(context, "closed-ports"),
      ],
    },
  ];
}

/** The sets "range-<prefix>" and their rules in chain "ranges" come with the first Service that needs them. */
function rangeChains({ family }: Context): Chain[] {
  const isRanged: Rule = [
    ...loadVipKey(family, 0),
    { name: "lookup", set: "ranged", from: 0, absent: true },
    { name: "verdict", verdict: "return" },
  ];
  return [
    { name: "ranges", rules: [] },
    { name: "firewall", rules: [isRanged, [jump("ranges")], [drop]] },
  ];
}

/** Those that decide about new connections; not the masquerade of those that IPVS sends on. */
export const baseChainNames: readonly string[] = [
  "firewall-prerouting",
  "firewall-output",
  "roles-prerouting",
  "roles-output",
  "closed-input",
  "closed-forward",
  "closed-output",
];

function baseChains(context: Context): Chain[] {
  const base = (name: string, hook: BaseHook["hook"], priority: number, chain: string, first: Rule[] = []): Chain => ({
    name,
    base: { type: "filter", hook, priority },
    rules: [...first, [...isNew, jump(chain)]],
  });
  return [
    base("firewall-prerouting", "prerouting", beforeIpvs - 1, "firewall"),
    base("firewall-output", "output", beforeIpvs - 1, "firewall"),
    base("roles-prerouting", "prerouting", beforeIpvs, "roles"),
    base("roles-output", "output", beforeIpvs, "roles"),
    base("closed-input", "input", 0, "closed"),
    base("closed-forward", "forward", 0, "closed", dropInvalid(context)),
    base("closed-output", "output", beforeIpvs + 1, "closed"),
    { name: "from-near", rules: fromNearRules() },
    {
      name: "masquerade",
      base: { type: "nat", hook: "postrouting", priority: srcnat },
      rules: masqueradeRules(context),
    },
  ];
}

const loadMark: Expression = { name: "meta", key: "mark", to: 0 };
const clearMark: readonly Expression[] = [
  { name: "immediate", to: 0, value: zeros(4) },
  { name: "meta-set", key: "mark", from: 0 },
];

function fromNearRules(): Rule[] {
  return [[...isLocalAddress("saddr"), ...clearMark, { name: "masquerade" }], [...clearMark]];
}

/** IPVS rewrites no source: a Pod that reaches itself would drop the packet as its own. */
function masqueradeRules({ family, settings }: Context): Rule[] {
  const bit = 2 ** settings.masqueradeBit;
  return [
    [
      loadMark,
      { name: "bitwise", from: 0, to: 0, mask: u32(nearMask), xor: zeros(4) },
      { name: "compare", from: 0, is: "equal", value: u32(nearPrefix) },
      jump("from-near"),
    ],
    [
      loadMark,
      { name: "bitwise", from: 0, to: 0, mask: u32(bit), xor: zeros(4) },
      { name: "compare", from: 0, is: "unequal", value: zeros(4) },
      loadMark,
      { name: "bitwise", from: 0, to: 0, mask: u32(~bit), xor: zeros(4) },
      { name: "meta-set", key: "mark", from: 0 },
      { name: "masquerade" },
    ],
    [
      loadAddress("saddr", family, 0),
      loadAddress("daddr", family, addressSize(family)),
      { name: "lookup", set: "hairpin", from: 0 },
      { name: "masquerade" },
    ],
  ];
}

const isNew: readonly Expression[] = [
  { name: "ct", key: "state", to: 0 },
  { name: "bitwise", from: 0, to: 0, mask: u32(stateNew), xor: zeros(4) },
  { name: "compare", from: 0, is: "unequal", value: zeros(4) },
];

function isLocalAddress(of: "saddr" | "daddr"): Expression[] {
  return [
    { name: "fib-type", of, to: 0 },
    { name: "compare", from: 0, is: "equal", value: localType },
  ];
}

const loopbacks = { IPv4: parseCidr("127.0.0.0/8"), IPv6: parseCidr("::1/128") } as const;

/** Goes to `chain` for packets to an address of this node that takes node ports: see `takesNodePorts`. */
function onNodePortAddress(context: Context, chain: string): Rule[] {
  const blocks = inFamily(context.settings.nodePortCidrs, context);
  const loopback = loopbacks[context.family] as Cidr;
  const match =
    blocks.some(({ prefix }) => prefix === 0) || blocks.length === 0
      ? [matchBlock("daddr", loopback, "unequal")]
      : blocks.map((cidr) => matchBlock("daddr", cidr, "equal"));
  return match.map((expressions) => [...isLocalAddress("daddr"), ...expressions, goto(chain)]);
}

function inFamily(cidrs: Settings["podCidrs"], { family }: Context): Cidr[] {
  return cidrs.filter(({ ip }) => ip.family === family);
}
