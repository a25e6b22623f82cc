/** What iptables-save prints → what we take to hold. Pure. */
import type { TableName } from "../../../kernel/iptables/port.ts";
import { parseSaved } from "../../../kernel/iptables/saved.ts";
import { jumps } from "./base.ts";
import { keyOf } from "./model.ts";
import { prefix } from "./names.ts";
import { jumpKey, type Observed } from "./plan.ts";
import { readStamp } from "./stamp.ts";

/** Adds one table to it. */
export function observeTable(observed: Observed, table: TableName, text: string): void {
  const saved = parseSaved(text);
  for (const [chain, rules] of saved) {
    if (chain.startsWith(prefix)) observed.chains.set(keyOf({ table, chain }), readStamp(rules));
  }
  for (const jump of jumps) {
    if (jump.table === table && saved.get(jump.builtin)?.includes(jump.rule)) observed.jumps.add(jumpKey(jump));
  }
}

/** Text that takes away all that is ours in the table: the jumps, then the chains; empty when there is nothing. */
export function removalText(table: TableName, text: string): string {
  const saved = parseSaved(text);
  const own = [...saved.keys()].filter((chain) => chain.startsWith(prefix));
  if (own.length === 0) return "";
  const isOurs = (rule: string): boolean => new RegExp(`-[jg] ${prefix}`).test(rule);
  const lines = [...saved].flatMap(([chain, rules]) =>
    chain.startsWith(prefix) ? [] : rules.filter(isOurs).map((rule) => `-D ${chain} ${rule}`),
  );
  const empty = own.map((chain) => `:${chain} - [0:0]`);
  return `${[`*${table}`, ...empty, ...lines, ...own.map((chain) => `-X ${chain}`), "COMMIT"].join("\n")}\n`;
}
