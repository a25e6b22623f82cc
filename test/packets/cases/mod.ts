/** All packet cases: one table for every data plane and both families. Names begin with the demand's number. */
import type { IpFamily } from "../../../src/net/ip.ts";
import { addresses } from "../addresses.ts";
import { affinityCases } from "./affinity.ts";
import { buildersFor, type PacketCase } from "./case.ts";
import { changeCases } from "./changes.ts";
import { endpointCases } from "./endpoints.ts";
import { inputCases } from "./inputs.ts";
import { matrixCases } from "./matrix.ts";
import { pathCases } from "./paths.ts";
import { rangeCases } from "./ranges.ts";
import { sourceCases } from "./sources.ts";

const sections = [
  inputCases,
  endpointCases,
  pathCases,
  affinityCases,
  sourceCases,
  rangeCases,
  changeCases,
  // Last: its states follow one another with the fewest changes.
  matrixCases,
] as const;

export function packetCases(family: IpFamily): readonly PacketCase[] {
  const builders = buildersFor(addresses[family], family);
  return sections.flatMap((section) => section(builders)).filter(({ only }) => only === undefined || only === family);
}
