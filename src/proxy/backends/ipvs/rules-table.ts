/** The table in the kernel, and our picture of it. Knows no Service. */
import { createHash } from "node:crypto";
import type { Command, Table } from "../../../kernel/nftables/port.ts";
import { u32 } from "../../../kernel/nftables/values.ts";
import type { Context } from "../nftables/chains.ts";
import { type Elements, putElement } from "../nftables/elements.ts";
import { rangeSpec } from "../nftables/layout.ts";
import { plan, type SetSteps, type Steps, take } from "../nftables/plan.ts";
import { rangeRule } from "../nftables/skeleton.ts";
import type { TrackedNftables } from "../nftables/tracked.ts";
import { chainsOf } from "./chains.ts";
import { setsOf, tableName, valuesOf } from "./layout.ts";

const layoutKey = u32(1);
const unitSize = 1000;

export class RulesTable {
  readonly #table: Table;
  readonly #nft: TrackedNftables;
  #elements: Elements = new Map();
  #sets: Set<string> | undefined;
  #seenForeignChanges = -1;

  constructor(family: Context["family"], nft: TrackedNftables) {
    this.#table = { family: family === "IPv4" ? "ip" : "ip6", name: tableName };
    this.#nft = nft;
  }

  get elements(): Elements {
    return this.#elements;
  }

  /** Somebody else wrote to nf_tables since we looked at the table. */
  isSuspect(): boolean {
    return this.#nft.foreignChanges() !== this.#seenForeignChanges;
  }

  observe(): void {
    this.#seenForeignChanges = this.#nft.foreignChanges();
    const names = this.#nft.kernel.sets(this.#table);
    this.#sets = names && new Set(names);
    this.#elements = new Map();
    for (const set of names ?? []) {
      const held = this.#nft.kernel.elements(this.#table, set).map(({ key, value }): [string, string] => [key, value]);
      this.#elements.set(set, new Map(held));
    }
  }

  /** False when the table is missing, or is of another version or other settings: it must be made anew. */
  isCurrent(context: Context): boolean {
    return this.#elements.get("layout")?.get(layoutKey) === layoutMark(context);
  }

  /** The table with its chains and these elements, in one transaction, whatever it was before. Returns the number of elements. */
  rebuild(desired: Elements, context: Context): number {
    const all: Elements = new Map(desired);
    all.set("layout", new Map([[layoutKey, layoutMark(context)]]));
    const old: Command[] = this.#sets ? [{ op: "delete-table", table: this.#table }] : [];
    this.#sets = new Set();
    this.#elements = new Map();
    const steps = plan(new Map(), all);
    this.#commit([...old, ...skeleton(this.#table, context)], steps, context);
    for (const { name } of setsOf(context.family)) this.#sets.add(name);
    putElement(this.#elements, "layout", layoutKey, layoutMark(context));
    return steps.reduce((sum, { added }) => sum + added.length, 0);
  }

  commit(steps: Steps, context: Context): void {
    this.#commit([], steps, context);
  }

  remove(): void {
    if (this.#nft.kernel.sets(this.#table)) this.#nft.commit([{ op: "delete-table", table: this.#table }]);
    this.observe();
  }

  #commit(head: readonly Command[], steps: Steps, context: Context): void {
    const missing = steps
      .filter(({ set, added }) => set.startsWith("range-") && added.length > 0 && !this.#sets?.has(set))
      .map(({ set }) => set);
    const table = this.#table;
    const commands: Command[] = [
      ...head,
      ...missing.flatMap((set): Command[] => [
        { op: "add-set", table, set: rangeSpec(set, context.family) },
        { op: "add-rule", table, chain: "ranges", rule: rangeRule(set, context) },
      ]),
      ...steps.flatMap((step) => elementCommands(step, table)),
    ];
    if (commands.length === 0) return;
    this.#nft.commit(commands);
    for (const set of missing) this.#sets?.add(set);
    take(this.#elements, steps);
  }
}

/** Of all that a table of these settings has beside its elements. */
function layoutMark(context: Context): string {
  const text = JSON.stringify([setsOf(context.family), chainsOf(context), rangeRule("range-24", context)]);
  return u32(createHash("sha256").update(text).digest().readUInt32LE(0));
}

function skeleton(table: Table, context: Context): Command[] {
  return [
    { op: "add-table", table },
    ...setsOf(context.family).map((set): Command => ({ op: "add-set", table, set })),
    ...chainsOf(context).flatMap(({ name, base, rules }): Command[] => [
      base ? { op: "add-chain", table, chain: name, base } : { op: "add-chain", table, chain: name },
      ...rules.map((rule): Command => ({ op: "add-rule", table, chain: name, rule })),
    ]),
  ];
}

function elementCommands({ set, added, replaced, removed }: SetSteps, table: Table): Command[] {
  const values = valuesOf(set);
  const cut = (op: "add-elements" | "delete-elements", elements: SetSteps["added"]): Command[] =>
    Array.from({ length: Math.ceil(elements.length / unitSize) }, (_, part) => ({
      op,
      table,
      set,
      values,
      elements: elements.slice(part * unitSize, (part + 1) * unitSize),
    }));
  return [...cut("delete-elements", [...removed, ...replaced]), ...cut("add-elements", [...replaced, ...added])];
}
