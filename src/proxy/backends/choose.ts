/** Mode → data plane. */
import { createNftablesDataPlane } from "./nftables/plane.ts";
import type { DataPlane } from "./port.ts";

const makers: Readonly<Record<string, () => DataPlane>> = {
  nftables: () => createNftablesDataPlane(),
};

/** "auto" is nftables, the one that there is so far. */
export function chooseDataPlane(mode: string): DataPlane {
  const make = makers[mode === "auto" ? "nftables" : mode];
  if (!make)
    throw new RangeError(`Cannot use proxy mode "${mode}": it must be auto or ${Object.keys(makers).join(", ")}`);
  return make();
}
