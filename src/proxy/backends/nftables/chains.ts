/**
 * Chains that choose an endpoint: one for each kind and number of endpoints in use (and affinity timeout), made on demand.
 *
 *   c-3  a clusterIP: asks for masquerade unless a Pod is the source, goes to s-3       x-3   from outside: masquerade, s-3
 *   ci-3 the same with local endpoints only, goes to l-3                               xn-3  the same for a node port
 *   s-3  cluster endpoints   l-3  local endpoints   sn-3, ln-3  the same for a node port
 *   sa-3-60: "a" for affinity, remembered for 60 seconds
 *
 * A key's id must be part of the next key. `nft list` (1.0.6) aborts on a rule that takes it there straight in a register, so
 * it goes through the packet's priority, which is put back. docs/decisions/0003 tells what else was tried.
 */
import type { Expression, Register, Rule } from "../../../kernel/nftables/port.ts";
import { maskBytes, networkBytes, u32, zeros } from "../../../kernel/nftables/values.ts";
import type { IpFamily } from "../../../net/ip.ts";
import type { Settings } from "../port.ts";
import { localHandleBit, localIndex } from "./layout.ts";

export interface Context {
  readonly family: IpFamily;
  readonly settings: Settings;
}

export type Kind = "c" | "ci" | "x" | "s" | "l" | "xn" | "sn" | "ln";

/** e.g. "c-3", "sna-2-10800". */
export function chainName(kind: Kind, count: number, affinitySec: number): string {
  return affinitySec ? `${kind}a-${count}-${affinitySec}` : `${kind}-${count}`;
}

/** Kinds that only mark and then go on. */
const nextKinds: Partial<Record<Kind, Kind>> = { c: "s", ci: "l", x: "s", xn: "sn" };

interface ChainSpec {
  readonly kind: Kind;
  readonly count: number;
  readonly affinitySec: number;
}

function parseChainName(name: string): ChainSpec | undefined {
  const match = /^(ci|c|xn|x|sn|s|ln|l)(?:-(\d+)|a-(\d+)-(\d+))$/.exec(name);
  if (!match) return undefined;
  return { kind: match[1] as Kind, count: Number(match[2] ?? match[3]), affinitySec: Number(match[4] ?? 0) };
}

/** True for names of chains that this file makes. */
export function isDynamicChain(name: string): boolean {
  return parseChainName(name) !== undefined;
}

/** The chain that rules of chain `name` go to, which must be there before it. */
export function nextChain(name: string): string | undefined {
  const spec = parseChainName(name);
  const next = spec && nextKinds[spec.kind];
  return spec && next && chainName(next, spec.count, spec.affinitySec);
}

export function chainRules(name: string, context: Context): readonly Rule[] {
  const spec = parseChainName(name);
  if (!spec) throw new RangeError(`Cannot make rules for chain "${name}": no such kind`);
  const next = nextChain(name);
  if (next) return [...markRules(spec.kind, context), [{ name: "verdict", verdict: "goto", chain: next }]];
  return spec.affinitySec ? stickyRules(spec, context.family) : [plainRule(spec, context.family)];
}

/** 4-byte registers of an address. */
export const addressSize = (family: IpFamily): number => (family === "IPv4" ? 1 : 4);
const addressLength = (family: IpFamily): number => addressSize(family) * 4;
const addressOffsets = { IPv4: { saddr: 12, daddr: 16 }, IPv6: { saddr: 8, daddr: 24 } } as const;

export function loadAddress(of: "saddr" | "daddr", family: IpFamily, to: Register): Expression {
  const offset = addressOffsets[family][of];
  return { name: "payload", to, base: "network", offset, length: addressLength(family) };
}

/** protocol . destination port; all of TCP, UDP and SCTP have the port at byte 2. */
export function loadPortKey(to: Register): Expression[] {
  return [
    { name: "meta", key: "l4proto", to },
    { name: "payload", to: to + 1, base: "transport", offset: 2, length: 2 },
  ];
}

/** destination . protocol . destination port */
export function loadVipKey(family: IpFamily, to: Register): Expression[] {
  return [loadAddress("daddr", family, to), ...loadPortKey(to + addressSize(family))];
}

/** Goes on when the address is (or is not) in the block. */
export function matchBlock(
  of: "saddr" | "daddr",
  cidr: Parameters<typeof networkBytes>[0],
  is: "equal" | "unequal",
): Expression[] {
  const { family } = cidr.ip;
  const mask = maskBytes(cidr.prefix, family);
  return [
    loadAddress(of, family, 0),
    { name: "bitwise", from: 0, to: 0, mask, xor: zeros(mask.length) },
    { name: "compare", from: 0, is, value: networkBytes(cidr) },
  ];
}

/** Sets the bit that asks for masquerade and keeps the others. */
export function markForMasquerade({ masqueradeBit }: Settings): Expression[] {
  const bit = 2 ** masqueradeBit;
  return [
    { name: "meta", key: "mark", to: 0 },
    { name: "bitwise", from: 0, to: 0, mask: u32(~bit), xor: u32(bit) },
    { name: "meta-set", key: "mark", from: 0 },
  ];
}

/** Pods keep their address on the way to a clusterIP; where nothing tells Pods from others, everybody does. */
function markRules(kind: Kind, { family, settings }: Context): Rule[] {
  const isForClusterIp = kind === "c" || kind === "ci";
  if (!isForClusterIp || settings.masqueradeAll) return [markForMasquerade(settings)];
  const notPods = notFromPods({ family, settings });
  return notPods ? [[...notPods, ...markForMasquerade(settings)]] : [];
}

/** Each way to know a packet from a Pod; none: nothing tells. */
export function fromPods({ family, settings: { podCidrs, podLink } }: Context): Expression[][] {
  const blocks = podCidrs.filter(({ ip }) => ip.family === family);
  return [
    ...blocks.map((cidr) => matchBlock("saddr", cidr, "equal")),
    ...(podLink ? [matchLink(podLink, "equal")] : []),
  ];
}

/** Goes on for packets that are from no Pod; undefined where nothing tells. */
export function notFromPods({ family, settings: { podCidrs, podLink } }: Context): Expression[] | undefined {
  const blocks = podCidrs.filter(({ ip }) => ip.family === family);
  if (blocks.length === 0 && !podLink) return undefined;
  const elsewhere = blocks.flatMap((cidr) => matchBlock("saddr", cidr, "unequal"));
  return podLink ? [...elsewhere, ...matchLink(podLink, "unequal")] : elsewhere;
}

/** By name, so that a link that is not there yet counts when it comes. */
function matchLink({ name, isPrefix }: NonNullable<Settings["podLink"]>, is: "equal" | "unequal"): Expression[] {
  return [
    { name: "meta", key: "iifname", to: 0 },
    { name: "compare", from: 0, is, value: isPrefix ? name : name.padEnd(16, "\0") },
  ];
}

const isLocal = (kind: Kind): boolean => kind === "l" || kind === "ln";
const isForPort = (kind: Kind): boolean => kind.endsWith("n");
export const savedPriority: Register = 15;

/** What a lookup left in the register, once more as "the packet's priority": a source that `nft list` can print. */
export function carry(register: Register): Expression[] {
  return [
    { name: "meta-set", key: "priority", from: register },
    { name: "meta", key: "priority", to: register },
  ];
}

/** id of the packet's key → register `to`; registers from 0 are overwritten. */
function loadId(kind: Kind, family: IpFamily, to: Register): Expression[] {
  const key = isForPort(kind) ? loadPortKey(0) : loadVipKey(family, 0);
  return [...key, { name: "lookup", set: isForPort(kind) ? "port-ids" : "vip-ids", from: 0, to }, ...carry(to)];
}

function randomIndex({ kind, count }: ChainSpec, to: Register): Expression {
  return { name: "random", to, modulus: count, offset: isLocal(kind) ? localIndex : 0 };
}

function plainRule(spec: ChainSpec, family: IpFamily): Rule {
  return [
    { name: "meta", key: "priority", to: savedPriority },
    ...loadId(spec.kind, family, 0),
    randomIndex(spec, 1),
    { name: "lookup", set: "endpoints", from: 0, to: 2 },
    { name: "meta-set", key: "priority", from: savedPriority },
    { name: "dnat", address: 2, port: 2 + addressSize(family) },
  ];
}

/**
 * Registers: client 0.., id, handle, endpoint... A lookup that finds nothing ends its rule, and the next one is tried:
 *   1 a client we know whose endpoint is still there: renew and go
 *   2 forget the client: an update would renew the old entry, not replace it
 *   3 choose, remember and go     4 choose and go: no room for another client
 * A packet whose first rule missed cannot get its old priority back, so it gets 0, as most sockets have it.
 */
function stickyRules(spec: ChainSpec, family: IpFamily): Rule[] {
  const id = addressSize(family);
  const handle = id + 1;
  const address = handle + 1;
  const client: Expression[] = [...loadId(spec.kind, family, id), loadAddress("saddr", family, 0)];
  const choose: Expression[] = [
    randomIndex(spec, handle),
    { name: "lookup", set: "slots", from: id, to: handle },
    ...carry(handle),
  ];
  const remember: Expression = {
    name: "dynamic-set",
    action: "update",
    set: "clients",
    key: 0,
    data: handle,
    timeoutMs: spec.affinitySec * 1000,
  };
  const local = u32(localHandleBit);
  const go: Expression[] = [
    ...(isLocal(spec.kind)
      ? [{ name: "bitwise", from: handle, to: handle, mask: u32(~localHandleBit), xor: local } as const]
      : []),
    { name: "lookup", set: "sticky-endpoints", from: handle, to: address },
    { name: "immediate", to: savedPriority, value: zeros(4) },
    { name: "meta-set", key: "priority", from: savedPriority },
    { name: "dnat", address, port: address + addressSize(family) },
  ];
  return [
    [...client, { name: "lookup", set: "clients", from: 0, to: handle }, ...carry(handle), remember, ...go],
    [...client, { name: "dynamic-set", action: "delete", set: "clients", key: 0, data: 0 }],
    [...client, ...choose, remember, ...go],
    [...client, ...choose, ...go],
  ];
}
