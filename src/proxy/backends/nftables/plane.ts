/** The nftables data plane: a table "fairlead" in each family that the node's kernel has. */
import { existsSync } from "node:fs";
import { openNftables } from "../../../kernel/nftables/linux.ts";
import type { Nftables } from "../../../kernel/nftables/port.ts";
import { writeSysctl } from "../../../kernel/sysctl.ts";
import type { Log } from "../../../lib/log.ts";
import type { IpFamily } from "../../../net/ip.ts";
import type { ServicePort } from "../../state.ts";
import type { Changes, DataPlane, Report } from "../port.ts";
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
  const nft = options.nftables ?? openNftables();
  const tracked = new TrackedNftables(nft);
  const families = (options.families ?? supportedFamilies()).map((family) => new FamilyPlane(family, tracked));
  return {
    mode: "nftables",
    async adopt() {
      return Object.fromEntries(families.map((plane) => [plane.family, plane.adopt()]));
    },
    async sync(changes) {
      const report = { families: families.map((plane) => plane.sync(servicesOf(changes, plane.family), changes)) };
      // Last: the rules that guard 127.0.0.1 against the wire are there by now.
      if (changes.settings?.localhostNodePorts && !options.nftables) allowLocalhost(options.log);
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

function supportedFamilies(): IpFamily[] {
  return existsSync("/proc/net/if_inet6") ? ["IPv4", "IPv6"] : ["IPv4"];
}

function servicesOf({ services }: Changes, family: IpFamily): Map<string, readonly ServicePort[]> {
  return new Map([...services].map(([name, ports]) => [name, ports.filter((port) => port.family === family)]));
}
