/** The IPVS data plane: virtual services, VIPs on the link "fairlead-ipvs0", and the table "fairlead-ipvs" for what IPVS lacks. */
import { release } from "node:os";
import { openVipLink } from "../../../kernel/ipvs/link.ts";
import { ipvsFault, openIpvs } from "../../../kernel/ipvs/linux.ts";
import type { Ipvs, VipLink } from "../../../kernel/ipvs/port.ts";
import { openNftables } from "../../../kernel/nftables/linux.ts";
import type { Nftables } from "../../../kernel/nftables/port.ts";
import { writeSysctl } from "../../../kernel/sysctl.ts";
import type { Log } from "../../../lib/log.ts";
import type { IpFamily } from "../../../net/ip.ts";
import { servicesOf, supportedFamilies } from "../families.ts";
import { TrackedNftables } from "../nftables/tracked.ts";
import type { DataPlane, Report } from "../port.ts";
import { removable } from "../removable.ts";
import { FamilyPlane } from "./family-plane.ts";
import { linkName } from "./layout.ts";
import { defaultIpvsOptions, type IpvsOptions } from "./options.ts";

export interface IpvsPlaneOptions extends Partial<IpvsOptions> {
  /** Default, for all three: the kernel of the network namespace that the thread is in. */
  readonly kernel?: { readonly ipvs: Ipvs; readonly link: VipLink; readonly nftables: Nftables };
  readonly log?: Log;
  /** Default: IPv4, and IPv6 where the kernel has it. */
  readonly families?: readonly IpFamily[];
}

export type IpvsSupport = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Whether this kernel has IPVS. */
export function probeIpvs(): IpvsSupport {
  const reason = ipvsFault();
  return reason === undefined ? { ok: true } : { ok: false, reason };
}

/** Throws SystemError ENOENT where the kernel has no IPVS. */
export function createIpvsDataPlane(given: IpvsPlaneOptions = {}): DataPlane {
  return removable(openPlane(given), () => openPlane(given));
}

function openPlane(given: IpvsPlaneOptions): DataPlane {
  const options: IpvsOptions = { ...defaultIpvsOptions, ...given };
  const kernel = given.kernel ?? { ipvs: openIpvs(), link: openVipLink(linkName), nftables: openNftables() };
  const { ipvs, link, nftables } = kernel;
  const nft = new TrackedNftables(nftables);
  const families = (given.families ?? supportedFamilies()).map(
    (family) => new FamilyPlane(family, { ipvs, link, nft, options }),
  );
  let isPrepared = given.kernel !== undefined;
  return {
    mode: "ipvs",
    prepare: () => prepare(ipvs, options, given.log),
    families: families.map(({ family }) => family),
    async adopt() {
      return Object.fromEntries(families.map((plane) => [plane.family, plane.adopt()]));
    },
    async sync(changes) {
      if (!isPrepared) prepare(ipvs, options, given.log);
      isPrepared = true;
      return { families: families.map((plane) => plane.sync(servicesOf(changes.services, plane.family), changes)) };
    },
    async verify(): Promise<Report | undefined> {
      const reports = families.map((plane) => plane.verify()).filter((report) => report !== undefined);
      return reports.length > 0 ? { families: reports } : undefined;
    },
    async remove() {
      for (const plane of families) plane.remove();
      link.remove();
    },
    close() {
      ipvs.close();
      link.close();
      nftables.close();
    },
  };
}

/** Kernel settings (Documentation/networking/ipvs-sysctl.rst), and why. */
function settingsFor({ strictArp }: IpvsOptions): Readonly<Record<string, number>> {
  return {
    // Without it the connections are hidden from masquerade and from the state "new".
    "net.ipv4.vs.conntrack": 1,
    // Connections to a server that was deleted end with their next packet, and UDP ones find another.
    "net.ipv4.vs.expire_nodest_conn": 1,
    // A client of a server that takes no more chooses again.
    "net.ipv4.vs.expire_quiescent_template": 1,
    // Answers come from Pods to other hosts.
    "net.ipv4.ip_forward": 1,
    "net.ipv6.conf.all.forwarding": 1,
    ...(reusesConnections(release()) ? { "net.ipv4.vs.conn_reuse_mode": 0 } : {}),
    ...(strictArp ? { "net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.all.arp_announce": 2 } : {}),
  };
}

/** Linux 4.1 to 5.8 delay a connection from a port that was used shortly before by a second. */
export function reusesConnections(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  return (major === 4 && minor >= 1) || (major === 5 && minor < 9);
}

function prepare(ipvs: Ipvs, options: IpvsOptions, log: Log | undefined): void {
  for (const [setting, value] of Object.entries(settingsFor(options))) {
    try {
      writeSysctl(setting, value);
    } catch (error) {
      log?.warn("cannot set a kernel setting that IPVS needs", { setting, value, error });
    }
  }
  const { tcpTimeoutSec, tcpFinTimeoutSec, udpTimeoutSec } = options;
  ipvs.setTimeouts({ tcpSec: tcpTimeoutSec, tcpFinSec: tcpFinTimeoutSec, udpSec: udpTimeoutSec });
}
