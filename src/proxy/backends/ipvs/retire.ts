/** For a node that goes over from IPVS to another mode. */
import { openIpvs } from "../../../kernel/ipvs/linux.ts";
import { openNftables } from "../../../kernel/nftables/linux.ts";
import type { Nftables, Table } from "../../../kernel/nftables/port.ts";
import { findLink, leaveLocalSource, openRouteSocket } from "../../../kernel/route/mod.ts";
import { baseChainNames } from "./chains.ts";
import { linkName, tableName } from "./layout.ts";

/**
 * From now on the rules turn nobody away, and new connections are the other mode's. Virtual services and addresses stay for the
 * connections there are; says whether none is left.
 */
export function retireIpvs(): boolean {
  const [ipvs, nft] = [openIpvs(), openNftables()];
  try {
    for (const family of ["ip", "ip6"] as const) stopRules(nft, { family, name: tableName });
    leaveSource();
    return ipvs.services().every(({ key }) => (ipvs.servers(key) ?? []).every(({ connections }) => connections === 0));
  } finally {
    ipvs.close();
    nft.close();
  }
}

/** The sets stay: they name what is ours. */
function stopRules(nft: Nftables, table: Table): void {
  const present = nft.chains(table) ?? new Set();
  const entries = baseChainNames.filter((chain) => present.has(chain));
  nft.commit(entries.map((chain) => ({ op: "flush-chain", table, chain })));
}

/** A process of the node that connects to a VIP would get the VIP as its own address, and would lose the connection with the link. */
function leaveSource(): void {
  const route = openRouteSocket();
  try {
    const link = findLink(route, linkName);
    if (link) leaveLocalSource(route, link.index);
  } finally {
    route.close();
  }
}
