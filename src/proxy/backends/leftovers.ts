/**
 * What another mode left on the node. The new plane is programmed first; then each of these takes no new connections any more,
 * and goes when no connection needs it. Only what is ours is touched: kube-proxy's own rules go by `kube-proxy --cleanup`.
 */
import { existsSync } from "node:fs";
import type { Log } from "../../lib/log.ts";
import type { DataPlane } from "./port.ts";
import { removeWith } from "./removable.ts";

export interface Leftover {
  readonly mode: string;
  /** Resolves with false when connections still need a part of it: to be called again later. */
  retire(): Promise<boolean>;
}

const tables = ["ip", "ip6"] as const;

/** Of the modes that run beside `active`, those that left something; asks the kernel, and starts no program. */
export async function findLeftovers(active: string, log: Log): Promise<Leftover[]> {
  const found = await Promise.all(finders.filter(({ uses }) => !uses.includes(active)).map(({ find }) => find(log)));
  return found.filter((one) => one !== undefined);
}

interface Finder {
  /** Modes that need what this one has. */
  readonly uses: readonly string[];
  readonly find: (log: Log) => Promise<Leftover | undefined>;
}

const finders: readonly Finder[] = [
  { uses: ["nftables", "ebpf"], find: findNftables },
  { uses: ["iptables"], find: findIptables },
  { uses: ["ipvs"], find: findIpvs },
  { uses: ["ebpf"], find: findEbpf },
  { uses: ["userspace"], find: findUserspace },
];

async function findNftables(log: Log): Promise<Leftover | undefined> {
  if (!(await hasTable("fairlead"))) return undefined;
  const { createNftablesDataPlane } = await import("./nftables/plane.ts");
  return removal("nftables", () => createNftablesDataPlane({ log }));
}

async function findIptables(log: Log): Promise<Leftover | undefined> {
  const { hasLegacyTables } = await import("../../kernel/iptables/legacy-tables.ts");
  const ours = await withNftables((nft) =>
    tables.some((family) => [...(nft.chains({ family, name: "nat" }) ?? [])].some((chain) => /^FAIRLEAD-/.test(chain))),
  );
  if (!ours && !hasLegacyTables()) return undefined;
  const { createIptablesDataPlane } = await import("./iptables/plane.ts");
  return removal("iptables", () => createIptablesDataPlane({ log }));
}

async function findIpvs(log: Log): Promise<Leftover | undefined> {
  if (!(await hasTable("fairlead-ipvs"))) return undefined;
  const { createIpvsDataPlane } = await import("./ipvs/plane.ts");
  const { retireIpvs } = await import("./ipvs/retire.ts");
  return {
    mode: "ipvs",
    async retire() {
      if (!retireIpvs()) return false;
      return removal("ipvs", () => createIpvsDataPlane({ log })).retire();
    },
  };
}

async function findEbpf(): Promise<Leftover | undefined> {
  const { leftoverPrograms } = await import("./ebpf/retire.ts");
  return leftoverPrograms();
}

async function findUserspace(): Promise<Leftover | undefined> {
  const { vipLink } = await import("./userspace/vip-addresses.ts");
  if (!existsSync(`/sys/class/net/${vipLink}`)) return undefined;
  const { createUserspaceDataPlane } = await import("./userspace/plane.ts");
  return removal("userspace", () => createUserspaceDataPlane());
}

/** Connections live in the kernel's connection tracking, which goes on without the rules. Opened for each attempt: one that failed is tried again. */
function removal(mode: string, open: () => DataPlane): Leftover {
  return {
    mode,
    async retire() {
      await removeWith(open);
      return true;
    },
  };
}

async function withNftables<T>(body: (nft: import("../../kernel/nftables/port.ts").Nftables) => T): Promise<T> {
  const { openNftables } = await import("../../kernel/nftables/linux.ts");
  const nft = openNftables();
  try {
    return body(nft);
  } finally {
    nft.close();
  }
}

const hasTable = (name: string): Promise<boolean> =>
  withNftables((nft) => tables.some((family) => nft.sets({ family, name }) !== undefined));
