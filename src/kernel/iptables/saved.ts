/** Reads the form of iptables-save(8). Pure. */

/** The rules of each chain, without their "-A CHAIN ", in order; built-in chains too. */
export type SavedTable = ReadonlyMap<string, readonly string[]>;

/** Packets that the rules of the counted form (`iptables-save -c`) that match have seen. */
export function countPackets(text: string, rule: RegExp): number {
  const counts = text.split("\n").map((line) => /^\[(\d+):\d+\] (-A .*)$/.exec(line));
  return counts.reduce((sum, match) => (match && rule.test(match[2] ?? "") ? sum + Number(match[1]) : sum), 0);
}

/** Reads the text of one table. Lines that are no chain and no rule (comments, COMMIT) say nothing. */
export function parseSaved(text: string): SavedTable {
  const chains = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    if (line.startsWith(":")) chains.set(line.slice(1, line.indexOf(" ")), []);
    else if (line.startsWith("-A ")) {
      const blank = line.indexOf(" ", 3);
      const chain = blank < 0 ? line.slice(3) : line.slice(3, blank);
      chains.get(chain)?.push(blank < 0 ? "" : line.slice(blank + 1));
    }
  }
  return chains;
}
