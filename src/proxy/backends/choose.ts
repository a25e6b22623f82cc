/** Mode → data plane. Each is loaded when it is chosen: a proxy pays for one. */
import type { Log } from "../../lib/log.ts";
import type { IpvsOptions } from "./ipvs/options.ts";
import type { DataPlane } from "./port.ts";

interface Given {
  readonly log: Log;
  readonly ipvs: Partial<IpvsOptions>;
}

const nftables = async ({ log }: Given): Promise<DataPlane> =>
  (await import("./nftables/plane.ts")).createNftablesDataPlane({ log });

const makers: Readonly<Record<string, (given: Given) => Promise<DataPlane>>> = {
  nftables,
  iptables: async () => (await import("./iptables/plane.ts")).createIptablesDataPlane(),
  ipvs: async ({ log, ipvs }) => {
    const { createIpvsDataPlane, probeIpvs } = await import("./ipvs/plane.ts");
    demand("ipvs", probeIpvs());
    return createIpvsDataPlane({ ...ipvs, log });
  },
  ebpf: async (given) => {
    const { createEbpfDataPlane, probeEbpf } = await import("./ebpf/plane.ts");
    demand("ebpf", probeEbpf());
    return createEbpfDataPlane({ packets: await nftables(given) });
  },
  userspace: async () => (await import("./userspace/plane.ts")).createUserspaceDataPlane(),
};

function demand(mode: string, support: { ok: true } | { ok: false; reason: string }): void {
  if (!support.ok) throw new RangeError(`Cannot use proxy mode "${mode}": ${support.reason}`);
}

/** "auto" is nftables: the fastest to program, and flat in the number of Services. Throws RangeError with one sentence. */
export async function chooseDataPlane(mode: string, log: Log, ipvs: Partial<IpvsOptions> = {}): Promise<DataPlane> {
  const make = makers[mode === "auto" ? "nftables" : mode];
  if (!make)
    throw new RangeError(`Cannot use proxy mode "${mode}": it must be auto or ${Object.keys(makers).join(", ")}`);
  return make({ log, ipvs });
}
