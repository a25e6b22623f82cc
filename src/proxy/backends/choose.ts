/** Mode → data plane. */
import type { Log } from "../../lib/log.ts";
import { createEbpfDataPlane, probeEbpf } from "./ebpf/plane.ts";
import { createIptablesDataPlane } from "./iptables/plane.ts";
import type { IpvsOptions } from "./ipvs/options.ts";
import { createIpvsDataPlane, probeIpvs } from "./ipvs/plane.ts";
import { createNftablesDataPlane } from "./nftables/plane.ts";
import type { DataPlane } from "./port.ts";
import { createUserspaceDataPlane } from "./userspace/plane.ts";

const makers: Readonly<Record<string, (log: Log, ipvs: Partial<IpvsOptions>) => DataPlane>> = {
  nftables: (log) => createNftablesDataPlane({ log }),
  iptables: () => createIptablesDataPlane(),
  ipvs: (log, options) => {
    const support = probeIpvs();
    if (!support.ok) throw new RangeError(`Cannot use proxy mode "ipvs": ${support.reason}`);
    return createIpvsDataPlane({ ...options, log });
  },
  ebpf: (log) => {
    const support = probeEbpf();
    if (!support.ok) throw new RangeError(`Cannot use proxy mode "ebpf": ${support.reason}`);
    return createEbpfDataPlane({ packets: createNftablesDataPlane({ log }) });
  },
  userspace: () => createUserspaceDataPlane(),
};

/** "auto" is nftables: the fastest to program, and flat in the number of Services. */
export function chooseDataPlane(mode: string, log: Log, ipvs: Partial<IpvsOptions> = {}): DataPlane {
  const make = makers[mode === "auto" ? "nftables" : mode];
  if (!make)
    throw new RangeError(`Cannot use proxy mode "${mode}": it must be auto or ${Object.keys(makers).join(", ")}`);
  return make(log, ipvs);
}
