/** What every chain should hold: all contributions, counted, for the same rule may be wanted by several. */
import type { TableName } from "../../../kernel/iptables/port.ts";
import type { Contribution } from "./contribution.ts";

/** A chain of a table. */
export interface ChainRef {
  readonly table: TableName;
  readonly chain: string;
}

/** "nat FAIRLEAD-SERVICES": a ChainRef as a key. */
export type ChainKey = string;

export const keyOf = ({ table, chain }: ChainRef): ChainKey => `${table} ${chain}`;

export function refOf(key: ChainKey): ChainRef {
  const blank = key.indexOf(" ");
  return { table: key.slice(0, blank) as TableName, chain: key.slice(blank + 1) };
}

interface Wanted {
  readonly rank: number;
  readonly rule: string;
  count: number;
}

export class Model {
  /** By rank and rule: an endpoint's rule that moves to another place in its chain is another one. */
  readonly #chains = new Map<ChainKey, Map<string, Wanted>>();
  readonly #byOwner = new Map<string, readonly Contribution[]>();
  #dirty = new Set<ChainKey>();

  /** Chains that changed since `clean`. */
  get dirty(): ReadonlySet<ChainKey> {
    return this.#dirty;
  }

  clean(): void {
    this.#dirty = new Set();
  }

  keys(): IterableIterator<ChainKey> {
    return this.#chains.keys();
  }

  owners(): IterableIterator<string> {
    return this.#byOwner.keys();
  }

  /** Replaces all that the owner (a Service, or "" for the settings) wants. */
  set(owner: string, contributions: readonly Contribution[]): void {
    // First the new ones: a rule that stays wanted never leaves its chain's map, and keeps its place there.
    for (const contribution of contributions) this.#want(contribution);
    for (const contribution of this.#byOwner.get(owner) ?? []) this.#drop(contribution);
    if (contributions.length > 0) this.#byOwner.set(owner, contributions);
    else this.#byOwner.delete(owner);
  }

  contributionsOf(owner: string): readonly Contribution[] {
    return this.#byOwner.get(owner) ?? [];
  }

  /** The chain's rules in order; none: there should be no such chain. */
  rules(key: ChainKey): readonly string[] {
    const wanted = [...(this.#chains.get(key)?.values() ?? [])];
    return wanted
      .sort((a, b) => a.rank - b.rank || (a.rule < b.rule ? -1 : a.rule > b.rule ? 1 : 0))
      .map(({ rule }) => rule);
  }

  #want(contribution: Contribution): void {
    const key = keyOf(contribution);
    let chain = this.#chains.get(key);
    if (!chain) {
      chain = new Map();
      this.#chains.set(key, chain);
    }
    const { rule, rank } = contribution;
    const id = ruleId(rank, rule);
    const wanted = chain.get(id);
    if (wanted) wanted.count++;
    else {
      chain.set(id, { rank, rule, count: 1 });
      this.#dirty.add(key);
    }
  }

  #drop(contribution: Contribution): void {
    const key = keyOf(contribution);
    const chain = this.#chains.get(key);
    const id = ruleId(contribution.rank, contribution.rule);
    const wanted = chain?.get(id);
    if (!chain || !wanted || --wanted.count > 0) return;
    chain.delete(id);
    if (chain.size === 0) this.#chains.delete(key);
    this.#dirty.add(key);
  }
}

const ruleId = (rank: number, rule: string): string => `${rank} ${rule}`;
