/** docs/deviations.md as the table of cases and the deviations have it. `node test/packets/deviations-page.ts` writes it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PacketCase } from "./cases/case.ts";
import { packetCases } from "./cases/mod.ts";
import { type Deviation, deviations, limits, matches, planeNames } from "./deviations.ts";
import { packetTests } from "./suite.ts";

export const path = join(import.meta.dirname, "../../docs/deviations.md");

/** All titles, as each data plane runs them. */
export const titles: readonly string[] = packetTests(() => {
  throw new Error("Titles need no data plane");
}).map(({ name }) => name);

export function page(): string {
  const counts = planeNames.map((name) => {
    const skipped = titles.filter((title) => deviations[name].some((one) => matches(one, title))).length;
    return `| ${name} | ${titles.length} | ${titles.length - skipped} | ${skipped} |`;
  });
  const rows = planeNames.flatMap((name) =>
    deviations[name].map((one) => `| ${name} | ${casesText(one)} | ${one.reason} |`),
  );
  return [
    "# Deviations of the data planes",
    "",
    "<!-- Made from test/packets/deviations.ts by `node test/packets/deviations-page.ts`; a test compares them. -->",
    "",
    "One table of packet-level cases (`test/packets/cases/`) and scenarios (`test/packets/scenarios/`) runs against every data plane with",
    `real sockets: ${names().length} cases, most of them in IPv4 and IPv6, and ${titles.length - caseTitles().length} scenarios. A case that a data plane cannot pass by its nature is`,
    "skipped by its name, with its reason; this page lists all of them.",
    "",
    "| data plane | tests | run | skipped |",
    "| --- | --- | --- | --- |",
    ...counts,
    "",
    "| data plane | cases | why |",
    "| --- | --- | --- |",
    ...rows,
    "",
    "## Compared with less",
    "",
    "These cases run, and one of their answers is compared in another way:",
    "",
    "| data plane | what | cases | why |",
    "| --- | --- | --- | --- |",
    ...limitRows(),
    "",
  ].join("\n");
}

function casesText({ cases }: Deviation): string {
  if (!(cases instanceof RegExp)) return cases.map((name) => name.replaceAll("|", "\\|")).join("; ");
  const hit = titles.filter((title) => cases.test(title)).length;
  return `all ${hit} with ${cases.source} in their name`;
}

const both = (): readonly PacketCase[] => [...packetCases("IPv4"), ...packetCases("IPv6")];
const names = (): string[] => [...new Set(both().map(({ name }) => name))];
const caseTitles = (): string[] => titles.filter((title) => / \(IPv[46]\)$/.test(title));

function limitRows(): string[] {
  const count = (has: (one: PacketCase) => boolean): number => both().filter(has).length;
  const probes = ({ stages }: PacketCase) => stages.flatMap((stage) => stage.probes);
  return planeNames.flatMap((name) => {
    const { losesSource, neverSilent } = limits[name] ?? {};
    const sources = count((one) => probes(one).some(({ seen }) => seen !== undefined));
    const silences = count((one) => probes(one).some(({ want }) => want === "silence"));
    return [
      ...(losesSource
        ? [`| ${name} | the source address that the endpoint sees is not compared | ${sources} | ${losesSource} |`]
        : []),
      ...(neverSilent
        ? [`| ${name} | "refused" or a reset is taken for silence | ${silences} | ${neverSilent} |`]
        : []),
    ];
  });
}

if (process.argv[1] === import.meta.filename) writeFileSync(path, page());
