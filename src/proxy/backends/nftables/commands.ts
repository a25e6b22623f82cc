/** Steps → commands for the kernel, in an order in which each finds what it refers to. Pure. */
import { createHash } from "node:crypto";
import type { Command, SetElement, Table } from "../../../kernel/nftables/port.ts";
import { type Context, chainRules, isDynamicChain, nextChain } from "./chains.ts";
import { rangeSpec, setsOf, stageOf, valuesOf } from "./layout.ts";
import { type SetSteps, type Step, type Steps, weightOf } from "./plan.ts";
import { rangeRule, type SkeletonChain, skeletonOf } from "./skeleton.ts";

/** What of the table is there. */
export interface Present {
  readonly chains: ReadonlySet<string>;
  readonly sets: ReadonlySet<string>;
}

/** Of the sets and hooks: when it changes, the table must be made anew. */
export function schemaHash(context: Context): number {
  return hash([setsOf(context.family), skeletonOf(context).map(({ name, base }) => base && [name, base])]);
}

/** Of all rules: when it changes, they are written again and the sets stay. */
export function rulesHash(context: Context): number {
  const samples = [
    "c-1",
    "ci-1",
    "x-1",
    "s-1",
    "l-1",
    "xn-1",
    "sn-1",
    "ln-1",
    "sa-1-1",
    "la-1-1",
    "sna-1-1",
    "lna-1-1",
  ];
  return hash([skeletonOf(context), samples.map((name) => chainRules(name, context)), rangeRule("range-24", context)]);
}

function hash(value: unknown): number {
  return createHash("sha256").update(JSON.stringify(value)).digest().readUInt32LE(0);
}

/** The empty table: sets, chains and their rules. */
export const skeletonCommands = (table: Table, context: Context): Command[] => [
  ...unhookedCommands(table, context),
  ...hookCommands(table, context),
];

/** All of it that no packet meets. */
export const unhookedCommands = (table: Table, context: Context): Command[] => [
  { op: "add-table", table },
  ...setsOf(context.family).map((set): Command => ({ op: "add-set", table, set })),
  ...skeletonOf(context).flatMap((chain) => (chain.base ? [] : chainCommands(table, chain))),
];

export const hookCommands = (table: Table, context: Context): Command[] =>
  skeletonOf(context).flatMap((chain) => (chain.base ? chainCommands(table, chain) : []));

function chainCommands(table: Table, { name, base, rules }: SkeletonChain): Command[] {
  return [
    base ? { op: "add-chain", table, chain: name, base } : { op: "add-chain", table, chain: name },
    ...rules.map((rule): Command => ({ op: "add-rule", table, chain: name, rule })),
  ];
}

/** Writes the rules of all chains again: those of new settings or of another version. */
export function rewriteCommands(table: Table, context: Context, present: Present): Command[] {
  const skeleton = skeletonOf(context);
  const rulesOf = new Map(skeleton.map(({ name, rules }) => [name, rules]));
  for (const chain of present.chains) if (isDynamicChain(chain)) rulesOf.set(chain, chainRules(chain, context));
  const ranges = [...present.sets].filter((set) => set.startsWith("range-")).map((set) => rangeRule(set, context));
  rulesOf.set("ranges", ranges);
  return [
    ...[...present.chains].map((chain): Command => ({ op: "flush-chain", table, chain })),
    ...skeleton
      .filter(({ name }) => !present.chains.has(name))
      .map(
        ({ name, base }): Command =>
          base ? { op: "add-chain", table, chain: name, base } : { op: "add-chain", table, chain: name },
      ),
    ...[...rulesOf].flatMap(([chain, rules]) => rules.map((rule): Command => ({ op: "add-rule", table, chain, rule }))),
  ];
}

/** Commands that must hold together even where a transaction has to be cut. */
export type Unit = readonly Command[];

/** Missing chains and sets, then the elements: what others lead to is written first, and removed last. */
export function stepUnits(steps: Steps, table: Table, context: Context, present: Present): Unit[] {
  const inOrder = [...steps].sort((a, b) => stageOf(a.set) - stageOf(b.set));
  return [
    ...rangeUnits(steps, table, context, present),
    ...chainUnits(steps, table, context, present),
    ...inOrder.flatMap((step) => writeUnits(step, table)),
    ...inOrder.toReversed().flatMap((step) => removeUnits(step, table)),
  ];
}

function rangeUnits(steps: Steps, table: Table, context: Context, present: Present): Unit[] {
  const missing = steps.filter(({ set }) => set.startsWith("range-") && !present.sets.has(set));
  return missing.map(
    ({ set }): Unit => [
      { op: "add-set", table, set: rangeSpec(set, context.family) },
      { op: "add-rule", table, chain: "ranges", rule: rangeRule(set, context) },
    ],
  );
}

function chainUnits(steps: Steps, table: Table, context: Context, present: Present): Unit[] {
  const made = new Set<string>();
  const units: Unit[] = [];
  const make = (chain: string): void => {
    if (present.chains.has(chain) || made.has(chain)) return;
    made.add(chain);
    const next = nextChain(chain);
    if (next) make(next);
    const rules = chainRules(chain, context).map((rule): Command => ({ op: "add-rule", table, chain, rule }));
    units.push([{ op: "add-chain", table, chain }, ...rules]);
  };
  for (const { set, added, replaced } of steps) {
    if (valuesOf(set) !== "verdict") continue;
    for (const { value } of [...added, ...replaced]) make(value);
  }
  return units;
}

const unitSize = 1000;

function writeUnits(steps: SetSteps, table: Table): Unit[] {
  const { replaced, added } = steps;
  return [
    ...cut(replaced, steps).map(
      (part): Unit => [elements("delete-elements", part, steps, table), elements("add-elements", part, steps, table)],
    ),
    ...cut(added, steps).map((part): Unit => [elements("add-elements", part, steps, table)]),
  ];
}

function removeUnits(steps: SetSteps, table: Table): Unit[] {
  return cut(steps.removed, steps).map((part): Unit => [elements("delete-elements", part, steps, table)]);
}

function elements(
  op: "add-elements" | "delete-elements",
  list: readonly SetElement[],
  { set, valueLength }: SetSteps,
  table: Table,
): Command {
  return { op, table, set, values: valuesOf(set), elements: list, valueLength };
}

/** Parts of at most `unitSize` elements, but for a longer list. */
function cut(steps: readonly Step[], { valueLength }: SetSteps): (readonly Step[])[] {
  const parts: Step[][] = [];
  let room = 0;
  for (const step of steps) {
    const weight = weightOf(step, valueLength);
    if (room < weight) {
      parts.push([]);
      room = unitSize;
    }
    parts.at(-1)?.push(step);
    room -= weight;
  }
  return parts;
}

/** Chains that nothing goes to any more, those that go on to others first. */
export function unusedChainCommands(table: Table, unused: readonly string[]): Command[] {
  const order = [...unused].sort((a, b) => Number(nextChain(a) === undefined) - Number(nextChain(b) === undefined));
  return order.map((chain) => ({ op: "delete-chain", table, chain }));
}

/** Units in at most `parts` groups of about the same number of elements, for a socket that takes no larger message. */
export function groupUnits(units: readonly Unit[], parts: number): Unit[] {
  const weight = (unit: Unit) => unit.reduce((sum, command) => sum + commandWeight(command), 0);
  const most = units.reduce((sum, unit) => sum + weight(unit), 0) / parts;
  const groups: Command[][] = [];
  let room = 0;
  for (const unit of units) {
    const last = groups.at(-1);
    if (last && room >= weight(unit)) {
      last.push(...unit);
      room -= weight(unit);
    } else {
      groups.push([...unit]);
      room = most - weight(unit);
    }
  }
  return groups;
}

const commandWeight = (command: Command): number =>
  "elements" in command ? command.elements.reduce((sum, one) => sum + weightOf(one, command.valueLength), 0) : 4;
