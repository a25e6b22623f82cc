/** Mode → data plane. Each is loaded when it is chosen: a proxy pays for one. */
import type { Log } from "../../lib/log.ts";
import type { IpvsOptions } from "./ipvs/options.ts";
import type { DataPlane } from "./port.ts";
import { mustBeRoot } from "./rights.ts";

interface Given {
  readonly log: Log;
  readonly ipvs: Partial<IpvsOptions>;
}

const nftables = async ({ log }: Given): Promise<DataPlane> => {
  const { createNftablesDataPlane, probeNftables } = await import("./nftables/plane.ts");
  demand("nftables", probeNftables());
  return createNftablesDataPlane({ log });
};

const makers: Readonly<Record<string, (given: Given) => Promise<DataPlane>>> = {
  nftables,
  iptables: async ({ log }) => {
    const { createIptablesDataPlane } = await import("./iptables/plane.ts");
    try {
      return createIptablesDataPlane({ log });
    } catch (error) {
      const { message } = error as Error;
      const reason = message.includes("must be root") ? mustBeRoot : message;
      throw new RangeError(`Cannot use proxy mode "iptables": ${reason}`, { cause: error });
    }
  },
  ipvs: async ({ log, ipvs }) => {
    const { createIpvsDataPlane, probeIpvs } = await import("./ipvs/plane.ts");
    const { probeNftables } = await import("./nftables/plane.ts");
    demand("ipvs", probeIpvs());
    demand("ipvs", probeNftables());
    return createIpvsDataPlane({ ...ipvs, log });
  },
  ebpf: async (given) => {
    const { createEbpfDataPlane, probeEbpf } = await import("./ebpf/plane.ts");
    demand("ebpf", probeEbpf());
    return createEbpfDataPlane({ packets: await nftables(given) });
  },
  userspace: async () => (await import("./userspace/plane.ts")).createUserspaceDataPlane(),
};

/** What "auto" tries, the best first, each with what it is best at. */
const preference: readonly (readonly [mode: string, why: string])[] = [
  ["nftables", "the fastest to program, and flat in the number of Services"],
  ["iptables", "this kernel has no nf_tables"],
  ["userspace", "neither nf_tables nor iptables can be used"],
];

function demand(mode: string, support: { ok: true } | { ok: false; reason: string }): void {
  if (!support.ok) throw new RangeError(`Cannot use proxy mode "${mode}": ${support.reason}`);
}

export interface Chosen {
  readonly plane: DataPlane;
  /** Why this one. */
  readonly reason: string;
}

/** "auto" takes the best that the kernel and the rights of this process allow. Throws RangeError with one sentence. */
export async function chooseDataPlane(mode: string, log: Log, ipvs: Partial<IpvsOptions> = {}): Promise<Chosen> {
  if (mode === "auto") return firstUsable({ log, ipvs });
  const make = makers[mode];
  if (!make)
    throw new RangeError(`Cannot use proxy mode "${mode}": it must be auto or ${Object.keys(makers).join(", ")}`);
  return { plane: await make({ log, ipvs }), reason: "as told" };
}

async function firstUsable(given: Given): Promise<Chosen> {
  const faults: string[] = [];
  for (const [mode, why] of preference) {
    try {
      const plane = await makers[mode]?.(given);
      if (plane) return { plane, reason: ["auto", why, ...faults].join(": ") };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      faults.push(error.message);
    }
  }
  throw new RangeError(faults.join("; "));
}
