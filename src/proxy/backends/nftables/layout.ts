/**
 * The sets and maps of the table. Their number does not depend on the number of Services or endpoints (docs/decisions/0003).
 *
 *   packet ── vips ──→ number ── chains ──→ chain "c-3" ── vip-ids ──→ id ── endpoints[id . random 0..2] ──→ DNAT
 *        └─── ports ─→ number ── chains ──→ chain "xn-3" ─ port-ids ─→ id ┘
 *
 * Whenever a verdict is added the kernel walks all maps of verdicts. So those of the Services have numbers, and the few
 * chains that are in use stand in small maps of verdicts behind them.
 */
import type { FieldType, SetSpec } from "../../../kernel/nftables/port.ts";
import type { IpFamily } from "../../../net/ip.ts";
import type { Lists } from "./elements.ts";

/** Local endpoints have indexes from here on; 65,536 endpoints are the most a port can have. */
export const localIndex = 65_536;
/** Set in the handle of an endpoint's entry for local traffic. Handles are smaller. */
export const localHandleBit = 0x40000000;
const maxAffinityMs = 86_400_000;
const maxClients = 1 << 20;

/**
 * number → chain, by who looks there: the first for all addresses, the second for those whose clients are near or outside (no
 * chain of it leads back to the first), the third on the filter hooks, which know no DNAT.
 */
export const verdictMaps = ["chains", "chains-placed", "chains-closed"] as const;
export type VerdictMap = (typeof verdictMaps)[number];

/** The map that numbers found in this map stand for chains in. */
export function verdictMapOf(set: string): VerdictMap {
  if (set.endsWith("-closed")) return "chains-closed";
  return set.endsWith("-near") || set.endsWith("-local") ? "chains-placed" : "chains";
}

/** Prefix length of the set's ranges, e.g. "range-24". */
export const rangeSet = (prefix: number): string => `range-${prefix}`;

export function setsOf(family: IpFamily): readonly SetSpec[] {
  const address = addressType(family);
  const vip: readonly FieldType[] = [address, "inet_proto", "inet_service"];
  const port: readonly FieldType[] = ["inet_proto", "inet_service"];
  const endpoint: readonly FieldType[] = [address, "inet_service"];
  // The id travels in the packet's priority (see chains.ts), hence its type.
  return [
    { name: "vips", key: vip, value: ["mark"] },
    { name: "vips-near", key: vip, value: ["mark"] },
    { name: "vips-local", key: vip, value: ["mark"] },
    { name: "vips-closed", key: vip, value: ["mark"] },
    ...verdictMaps.map((name) => ({ name, key: ["mark"], value: "verdict" }) as const),
    { name: "vip-ids", key: vip, value: ["classid"] },
    { name: "ports", key: port, value: ["mark"] },
    { name: "ports-near", key: port, value: ["mark"] },
    { name: "ports-local", key: port, value: ["mark"] },
    { name: "ports-closed", key: port, value: ["mark"] },
    { name: "port-ids", key: port, value: ["classid"] },
    { name: "endpoints", key: ["classid", "mark"], value: endpoint },
    { name: "slots", key: ["classid", "mark"], value: ["mark"] },
    { name: "sticky-endpoints", key: ["mark"], value: endpoint },
    {
      name: "clients",
      key: [address, "classid"],
      value: ["mark"],
      dynamic: { timeoutMs: maxAffinityMs, size: maxClients },
    },
    { name: "cluster-ips", key: [address] },
    { name: "hairpin", key: [address, address] },
    { name: "ranged", key: vip },
    { name: "layout", key: ["mark"], value: ["mark"] },
  ];
}

/** A set of source ranges of one prefix length: made when a Service first needs it. */
export function rangeSpec(name: string, family: IpFamily): SetSpec {
  const address = addressType(family);
  return { name, key: [address, "inet_proto", "inet_service", address] };
}

/** address . port */
const lists: Readonly<Record<IpFamily, Lists>> = { IPv4: { endpoints: 8 }, IPv6: { endpoints: 20 } };

/** Sets whose elements are rendered as lists. */
export const listsOf = (family: IpFamily): Lists => lists[family];

function addressType(family: IpFamily): FieldType {
  return family === "IPv4" ? "ipv4_addr" : "ipv6_addr";
}

export const isVerdictMap = (set: string): boolean => set.startsWith("chains");

/** Which kind of value a set's elements have. */
export function valuesOf(set: string): "none" | "data" | "verdict" {
  if (isVerdictMap(set)) return "verdict";
  return /^(cluster-ips|hairpin|ranged|range-\d+)$/.test(set) ? "none" : "data";
}

/** What leads to what: elements of a set are written after those of lower stages, and removed before. */
export function stageOf(set: string): number {
  if (isVerdictMap(set)) return 1;
  return /^(vips|ports)(-near|-local|-closed)?$/.test(set) ? 2 : 0;
}
