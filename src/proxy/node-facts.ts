/** The Node object → what the proxy must know of it. Pure. */
import type { Node } from "../api/object.ts";
import { canonicalIp, parseIp } from "../net/ip.ts";
import type { NodeFacts } from "./state.ts";

const ranks: Readonly<Record<string, number>> = { InternalIP: 0, ExternalIP: 1 };
const zoneLabel = "topology.kubernetes.io/zone";

/** `bindAddress` names the primary address where it is no wildcard; else InternalIP addresses come first. */
export function nodeFacts(name: string, node: Node | undefined, bindAddress = "0.0.0.0"): NodeFacts {
  const reported = (node?.status?.addresses ?? [])
    .filter(({ type }) => type in ranks)
    .sort((a, b) => (ranks[a.type] ?? 0) - (ranks[b.type] ?? 0))
    .map(({ address }) => canonicalIp(address))
    .filter((address) => address !== undefined);
  const bound = canonicalIp(bindAddress);
  const given = bound && !isWildcard(bound) ? [bound] : [];
  const spec = node?.spec as { podCIDR?: string; podCIDRs?: readonly string[] } | undefined;
  return {
    name,
    zone: node?.metadata.labels?.[zoneLabel],
    addresses: [...new Set([...given, ...reported])],
    podCidrs: spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : []),
  };
}

/** The name of this machine's Node: what the operator says, else the host's. */
export function nodeNameOf(given: string, hostName: string): string {
  return (given || hostName).trim().toLowerCase();
}

const isWildcard = (address: string): boolean => parseIp(address)?.value === 0n;
