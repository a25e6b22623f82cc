/** Steps → text for iptables-restore --noflush. Pure. */
import type { ChainWrite, Step } from "./plan.ts";
import { stamped } from "./stamp.ts";

/**
 * One text, or several where one would hold more rules than `maxRules`: iptables-nft 1.8.9 takes time by the square of a
 * transaction's size. Chains come before those that go to them, so what a first text writes is not reached before the last.
 */
export function restoreTexts(steps: readonly Step[], maxRules: number): readonly string[] {
  const texts: string[] = [];
  let text = "";
  let rules = 0;
  for (const step of steps) {
    for (const part of partsOf(step, maxRules)) {
      const size = part.writes.reduce((sum, write) => sum + write.rules.length + 1, 0);
      if (text !== "" && rules + size > maxRules) {
        texts.push(text);
        text = "";
        rules = 0;
      }
      text += stepText(part);
      rules += size;
    }
  }
  return text === "" ? texts : [...texts, text];
}

/** What is written in groups, the jumps with the last of them; then what goes. */
function partsOf({ table, writes, jumps }: Step, maxRules: number): Step[] {
  const kept = writes.filter(({ rules }) => rules.length > 0);
  const gone = writes.filter(({ rules }) => rules.length === 0);
  if (writes.length + kept.reduce((sum, { rules }) => sum + rules.length, 0) <= maxRules)
    return [{ table, writes, jumps }];
  const parts = grouped(kept, maxRules).map((group): Step => ({ table, writes: group, jumps: [] }));
  const last = parts.pop() ?? { table, writes: [], jumps: [] };
  const removals = grouped(gone, maxRules).map((group): Step => ({ table, writes: group, jumps: [] }));
  return [...parts, { ...last, jumps }, ...removals];
}

function grouped(writes: readonly ChainWrite[], maxRules: number): ChainWrite[][] {
  const groups: ChainWrite[][] = [];
  let size = maxRules;
  for (const write of writes) {
    const cost = write.rules.length + 1;
    if (size + cost > maxRules) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)?.push(write);
    size += cost;
  }
  return groups;
}

/** ":CHAIN" makes the chain, or empties it. */
function stepText({ table, writes, jumps }: Step): string {
  const lines = [`*${table}`];
  for (const { chain } of writes) lines.push(`:${chain} - [0:0]`);
  for (const { chain, rules } of writes) for (const rule of stamped(rules)) lines.push(`-A ${chain} ${rule}`);
  // Before the rules of others: those that were there first may accept what a Service refuses.
  for (const { builtin, rule } of jumps) lines.push(`-I ${builtin} 1 ${rule}`);
  for (const { chain, rules } of writes) if (rules.length === 0) lines.push(`-X ${chain}`);
  return `${[...lines, "COMMIT"].join("\n")}\n`;
}
