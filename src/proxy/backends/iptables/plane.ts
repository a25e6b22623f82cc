/** The iptables data plane: chains FAIRLEAD-… in the tables mangle, nat and filter of each family that the node has. */
import { openIptables } from "../../../kernel/iptables/linux.ts";
import type { Iptables } from "../../../kernel/iptables/port.ts";
import { writeSysctl } from "../../../kernel/sysctl.ts";
import type { Log } from "../../../lib/log.ts";
import type { IpFamily } from "../../../net/ip.ts";
import { servicesOf, supportedFamilies } from "../families.ts";
import type { DataPlane, FamilyReport, PlaneCounters, Settings } from "../port.ts";
import { removable } from "../removable.ts";
import { FamilyPlane } from "./family-plane.ts";

/** Lets packets from 127.0.0.1 leave for a Pod, masqueraded. */
const routeLocalnet = "net.ipv4.conf.all.route_localnet";

export interface IptablesOptions {
  /** Default: IPv4, and IPv6 where the kernel has it. */
  readonly families?: readonly IpFamily[];
  /** Default: the machine's programs, in the network namespace that the thread is in. */
  readonly open?: (family: IpFamily) => Iptables;
  readonly log?: Log;
}

/** Throws IptablesError where the programs are missing or the kernel cannot do it. */
export function createIptablesDataPlane(options: IptablesOptions = {}): DataPlane {
  return removable(openPlane(options), () => openPlane(options));
}

function openPlane(options: IptablesOptions): DataPlane {
  const tools = (options.families ?? supportedFamilies()).map(options.open ?? ((family) => openIptables(family)));
  const families = tools.map((tool) => new FamilyPlane(tool));
  const prepare = ({ localhostNodePorts }: Pick<Settings, "localhostNodePorts">): void => {
    if (localhostNodePorts) tools[0]?.inside(() => allowLocalhost(options.log));
  };
  return {
    mode: "iptables",
    prepare,
    families: families.map(({ family }) => family),
    counters: () => countersOf(families),
    async adopt() {
      const found = await Promise.all(families.map(async (plane) => [plane.family, await plane.adopt()] as const));
      return { variant: tools[0]?.variant ?? "none", ...Object.fromEntries(found) };
    },
    async sync(changes) {
      const reports = families.map((plane) => plane.sync(servicesOf(changes.services, plane.family), changes));
      const report = { families: await Promise.all(reports) };
      // Last: the rules that guard 127.0.0.1 against the wire are there by now.
      if (changes.settings) prepare(changes.settings);
      return report;
    },
    async verify() {
      const reports = await Promise.all(families.map((plane) => plane.verify()));
      const found = reports.filter((report): report is FamilyReport => report !== undefined);
      return found.length > 0 ? { families: found } : undefined;
    },
    async remove() {
      for (const plane of families) await plane.remove();
    },
    close() {
      for (const tool of tools) tool.close();
    },
  };
}

async function countersOf(families: readonly FamilyPlane[]): Promise<PlaneCounters> {
  const packets = await Promise.all(families.map((plane) => plane.countPackets()));
  return {
    tables: families.flatMap((plane) => plane.countRules().map((table) => ({ family: plane.family, ...table }))),
    invalidDropped: packets.reduce((sum, { invalidDropped }) => sum + invalidDropped, 0),
    localhostNodePorts: packets.reduce((sum, { localhostNodePorts }) => sum + localhostNodePorts, 0),
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
