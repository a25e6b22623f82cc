/** Desired chains and what holds → the writes that make them equal, in the order in which no packet finds a gap. Pure. */
import type { TableName } from "../../../kernel/iptables/port.ts";
import { type Jump, jumps } from "./base.ts";
import { type ChainKey, type Model, refOf } from "./model.ts";
import { depthOf } from "./names.ts";
import { stampOf } from "./stamp.ts";

/** What a chain of ours holds. */
export interface Held {
  readonly stamp: string;
  readonly rules: readonly string[];
}

export interface Observed {
  readonly chains: Map<ChainKey, Held>;
  /** Keys of the jumps that are there, see `jumpKey`. */
  readonly jumps: Set<string>;
}

export const jumpKey = ({ table, builtin, rule }: Jump): string => `${table} ${builtin} ${rule}`;

/** A chain's new rules; none: the chain goes. */
export interface ChainWrite {
  readonly key: ChainKey;
  readonly chain: string;
  readonly rules: readonly string[];
}

/** Carried out in this order: chains in the order given, then the jumps, then what goes. */
export interface Step {
  readonly table: TableName;
  readonly writes: readonly ChainWrite[];
  readonly jumps: readonly Jump[];
}

/**
 * mangle and filter close what nat opens. So what closes more is written before nat, and what closes less after it: an
 * address with source ranges is never open to others, and an address that loses its endpoints is refused without a gap.
 */
export function plan(observed: Observed, model: Model, keys: Iterable<ChainKey>): readonly Step[] {
  const early: Record<TableName, ChainWrite[]> = { mangle: [], filter: [], nat: [] };
  const late: Record<TableName, ChainWrite[]> = { mangle: [], filter: [], nat: [] };
  for (const key of keys) {
    const { table, chain } = refOf(key);
    const rules = model.rules(key);
    const held = observed.chains.get(key);
    if (held ? held.stamp === stampOf(rules) && rules.length === held.rules.length : rules.length === 0) continue;
    const when = table === "nat" || closesMore(held?.rules ?? [], rules) ? early : late;
    when[table].push({ key, chain, rules });
  }
  const missing = jumps.filter((jump) => !observed.jumps.has(jumpKey(jump)));
  const step = (table: TableName, writes: ChainWrite[], when: "early" | "late"): Step => ({
    table,
    writes: writes.sort(byDepth),
    jumps: when === "early" ? missing.filter((jump) => jump.table === table) : [],
  });
  const steps = [
    step("mangle", early.mangle, "early"),
    step("filter", early.filter, "early"),
    step("nat", early.nat, "early"),
    step("filter", late.filter, "late"),
    step("mangle", late.mangle, "late"),
  ];
  return steps.filter(({ writes, jumps: added }) => writes.length > 0 || added.length > 0);
}

function closesMore(before: readonly string[], after: readonly string[]): boolean {
  const kept = new Set(after);
  return before.every((rule) => kept.has(rule));
}

/** A chain before those that go to it; for equal input the same order. */
function byDepth(a: ChainWrite, b: ChainWrite): number {
  return depthOf(a.chain) - depthOf(b.chain) || (a.chain < b.chain ? -1 : 1);
}

export function countRules(
  steps: readonly Step[],
  observed: Observed,
): { readonly added: number; readonly removed: number } {
  let added = steps.reduce((sum, step) => sum + step.jumps.length, 0);
  let removed = 0;
  for (const { key, rules } of steps.flatMap(({ writes }) => writes)) {
    const before = new Set(observed.chains.get(key)?.rules);
    const kept = rules.filter((rule) => before.has(rule)).length;
    added += rules.length - kept;
    removed += before.size - kept;
  }
  return { added, removed };
}

/** Rules that are sent, those that stay as they were in a chain that is written anew too. */
export function writtenRules(steps: readonly Step[]): Readonly<Record<TableName, number>> {
  const written: Record<TableName, number> = { mangle: 0, nat: 0, filter: 0 };
  for (const { table, writes, jumps: added } of steps)
    written[table] += added.length + writes.reduce((sum, { rules }) => sum + rules.length, 0);
  return written;
}

/** Takes what was written over into what holds. */
export function take(observed: Observed, steps: readonly Step[]): void {
  for (const step of steps) {
    for (const { key, rules } of step.writes) {
      if (rules.length > 0) observed.chains.set(key, { stamp: stampOf(rules), rules });
      else observed.chains.delete(key);
    }
    for (const jump of step.jumps) observed.jumps.add(jumpKey(jump));
  }
}
