/** The nftables data plane: a table "fairlead" in each family that the node's kernel has. */
import { openNftables } from "../../../kernel/nftables/linux.ts";
import { type Nftables, TransactionError } from "../../../kernel/nftables/port.ts";
import { writeSysctl } from "../../../kernel/sysctl.ts";
import type { Log } from "../../../lib/log.ts";
import type { IpFamily } from "../../../net/ip.ts";
import { supportedFamilies } from "../families.ts";
import type { DataPlane, Report, Settings } from "../port.ts";
import { removable } from "../removable.ts";
import { mustBeRoot } from "../rights.ts";
import { skeletonCommands } from "./commands.ts";
import { FamilyPlane } from "./family-plane.ts";
import { TrackedNftables } from "./tracked.ts";

/** Lets packets from 127.0.0.1 leave for a Pod, masqueraded. */
const routeLocalnet = "net.ipv4.conf.all.route_localnet";

export interface NftablesOptions {
  /** Default: the kernel of the network namespace that the thread is in. */
  readonly nftables?: Nftables;
  readonly log?: Log;
  /** Default: IPv4, and IPv6 where the kernel has it. */
  readonly families?: readonly IpFamily[];
}

export function createNftablesDataPlane(options: NftablesOptions = {}): DataPlane {
  return removable(openPlane(options), () => openPlane(options));
}

function openPlane(options: NftablesOptions): DataPlane {
  const nft = options.nftables ?? openNftables();
  const tracked = new TrackedNftables(nft);
  const families = (options.families ?? supportedFamilies()).map((family) => new FamilyPlane(family, tracked));
  const prepare = ({ localhostNodePorts }: Pick<Settings, "localhostNodePorts">): void => {
    if (localhostNodePorts) allowLocalhost(options.log);
  };
  return {
    mode: "nftables",
    prepare,
    families: families.map(({ family }) => family),
    counters: () => ({
      cleanupFailures: Object.fromEntries(families.map((plane) => [plane.family, plane.cleanupFailures])),
    }),
    async adopt() {
      return Object.fromEntries(families.map((plane) => [plane.family, plane.adopt()]));
    },
    load({ services, settings }) {
      for (const plane of families) plane.load(services, settings);
    },
    async sync(changes) {
      // First: while the kernel still fills a table it takes this, too.
      for (const plane of families) plane.update(changes.services, changes);
      for (const plane of families) await plane.loaded();
      const report = { families: families.map((plane) => plane.write()) };
      // Last: the rules that guard 127.0.0.1 against the wire are there by now.
      if (changes.settings && !options.nftables) prepare(changes.settings);
      return report;
    },
    async verify(): Promise<Report | undefined> {
      const reports = families.map((plane) => plane.verify()).filter((report) => report !== undefined);
      return reports.length > 0 ? { families: reports } : undefined;
    },
    async remove() {
      for (const plane of families) plane.remove();
    },
    close: () => nft.close(),
  };
}

/** Where /proc/sys is read-only everything but node ports at 127.0.0.1 works. */
function allowLocalhost(log: Log | undefined): void {
  try {
    writeSysctl(routeLocalnet, 1);
  } catch (error) {
    log?.warn("node ports do not work at 127.0.0.1: cannot set a kernel setting", { setting: routeLocalnet, error });
  }
}

/** Whether this kernel takes the rules from this process: a table with all of them, made and taken away in one transaction. */
export function probeNftables(): { readonly ok: true } | { readonly ok: false; readonly reason: string } {
  const nft = openNftables();
  const table = { family: "ip", name: "fairlead-probe" } as const;
  try {
    nft.commit([...skeletonCommands(table, { family: "IPv4", settings: probed }), { op: "delete-table", table }]);
    return { ok: true };
  } catch (error) {
    if (!(error instanceof TransactionError)) throw error;
    return {
      ok: false,
      reason: error.code === "EPERM" ? mustBeRoot : `this kernel lacks what it needs (${error.message})`,
    };
  } finally {
    nft.close();
  }
}

const probed: Settings = {
  podCidrs: [],
  masqueradeAll: false,
  masqueradeBit: 14,
  serviceCidrs: [],
  nodePortCidrs: [],
  localhostNodePorts: true,
  dropsInvalid: true,
};
