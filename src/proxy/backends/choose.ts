/** Mode → data plane. */
import type { Log } from "../../lib/log.ts";
import { createNftablesDataPlane } from "./nftables/plane.ts";
import type { DataPlane } from "./port.ts";

const makers: Readonly<Record<string, (log: Log) => DataPlane>> = {
  nftables: (log) => createNftablesDataPlane({ log }),
};

/** "auto" is nftables, the one that there is so far. */
export function chooseDataPlane(mode: string, log: Log): DataPlane {
  const make = makers[mode === "auto" ? "nftables" : mode];
  if (!make)
    throw new RangeError(`Cannot use proxy mode "${mode}": it must be auto or ${Object.keys(makers).join(", ")}`);
  return make(log);
}
