/** nf_tables in memory: existence, references, atomicity and error codes as the kernel has them; packets do not pass through. */
import {
  type BaseHook,
  type Command,
  type Expression,
  type Nftables,
  type Rule,
  type SetElement,
  type SetSpec,
  type Table,
  TransactionError,
} from "./port.ts";
import { elementsOf } from "./values.ts";

interface FakeChain {
  readonly base: BaseHook | undefined;
  rules: Rule[];
}

interface FakeSet {
  readonly spec: SetSpec;
  readonly elements: Map<string, string>;
}

interface FakeTable {
  readonly chains: Map<string, FakeChain>;
  readonly sets: Map<string, FakeSet>;
}

type Tables = Map<string, FakeTable>;

export interface FakeNftables extends Nftables {
  /** Everything, as text in a fixed order. */
  dump(): string;
  /** Makes the next commits that `match` throw TransactionError with this code. */
  failWhen(match: (command: Command) => boolean, code: string): void;
  /** Transactions that were committed. */
  readonly commits: number;
}

export function fakeNftables(): FakeNftables {
  return new Fake();
}

class Fake implements FakeNftables {
  #tables: Tables = new Map();
  #generation = 1;
  #failure: { match: (command: Command) => boolean; code: string } | undefined;
  commits = 0;

  commit(commands: readonly Command[]): void {
    if (commands.length === 0) return;
    const tables = copied(this.#tables, commands);
    for (const command of commands) {
      if (this.#failure?.match(command)) throw new TransactionError(this.#failure.code, command);
      const code = perform(tables, command);
      if (code) throw new TransactionError(code, command);
    }
    this.#tables = tables;
    this.#generation++;
    this.commits++;
  }

  async commitInBackground(commands: readonly Command[]): Promise<void> {
    await Promise.resolve();
    this.commit(commands);
  }

  chains(table: Table): ReadonlySet<string> | undefined {
    const found = this.#tables.get(keyOf(table));
    return found && new Set(found.chains.keys());
  }

  sets(table: Table): ReadonlySet<string> | undefined {
    const found = this.#tables.get(keyOf(table));
    return found && new Set(found.sets.keys());
  }

  elements(table: Table, set: string): readonly SetElement[] {
    const elements = this.#tables.get(keyOf(table))?.sets.get(set)?.elements ?? new Map<string, string>();
    return [...elements].map(([key, value]) => ({ key, value }));
  }

  generation(): number {
    return this.#generation;
  }

  close(): void {}

  failWhen(match: (command: Command) => boolean, code: string): void {
    this.#failure = { match, code };
  }

  dump(): string {
    const lines: string[] = [];
    for (const [name, table] of [...this.#tables].sort()) {
      lines.push(`table ${name}`);
      for (const [chain, { rules }] of [...table.chains].sort()) lines.push(`chain ${chain} ${JSON.stringify(rules)}`);
      for (const [set, { elements }] of [...table.sets].sort()) {
        lines.push(`set ${set} ${JSON.stringify([...elements].sort())}`);
      }
    }
    return lines.join("\n");
  }
}

const keyOf = ({ family, name }: Table): string => `${family} ${name}`;

/** A copy as deep as the commands can change it: elements are copied only of sets that they name. */
function copied(tables: Tables, commands: readonly Command[]): Tables {
  const touched = new Set<string>();
  for (const command of commands) {
    if ("elements" in command) touched.add(`${keyOf(command.table)} ${command.set}`);
  }
  const copyTable = (key: string, table: FakeTable): FakeTable => ({
    chains: new Map([...table.chains].map(([name, { base, rules }]) => [name, { base, rules: [...rules] }])),
    sets: new Map(
      [...table.sets].map(([name, set]) => [
        name,
        touched.has(`${key} ${name}`) ? { spec: set.spec, elements: new Map(set.elements) } : set,
      ]),
    ),
  });
  return new Map([...tables].map(([key, table]) => [key, copyTable(key, table)]));
}

/** The error's code, or undefined when the command was performed. */
function perform(tables: Tables, command: Command): string | undefined {
  const table = tables.get(keyOf(command.table));
  if (command.op === "add-table") {
    if (!table) tables.set(keyOf(command.table), { chains: new Map(), sets: new Map() });
    return undefined;
  }
  if (!table) return "ENOENT";
  switch (command.op) {
    case "delete-table":
      tables.delete(keyOf(command.table));
      return undefined;
    case "add-set":
      return addSet(table, command.set);
    case "add-elements":
      return addElements(table, command);
    case "delete-elements":
      return deleteElements(table, command);
    default:
      return performOnChain(table, command);
  }
}

type ChainCommand = Extract<Command, { chain: string }>;

function performOnChain(table: FakeTable, command: ChainCommand): string | undefined {
  const chain = table.chains.get(command.chain);
  if (command.op === "add-chain") {
    if (!chain) table.chains.set(command.chain, { base: command.base, rules: [] });
    return undefined;
  }
  if (!chain) return "ENOENT";
  switch (command.op) {
    case "flush-chain":
      chain.rules = [];
      return undefined;
    case "delete-chain":
      if (isChainUsed(table, command.chain)) return "EBUSY";
      table.chains.delete(command.chain);
      return undefined;
    case "add-rule":
      if (command.rule.some((expression) => isDangling(table, expression))) return "ENOENT";
      chain.rules.push(command.rule);
      return undefined;
  }
}

function isDangling(table: FakeTable, expression: Expression): boolean {
  if ("set" in expression) return !table.sets.has(expression.set);
  return "chain" in expression && !table.chains.has(expression.chain);
}

function isChainUsed(table: FakeTable, name: string): boolean {
  for (const [other, { rules }] of table.chains) {
    // A chain's own rules go with it.
    if (other !== name && rules.some((rule) => rule.some((e) => "chain" in e && e.chain === name))) return true;
  }
  for (const { spec, elements } of table.sets.values()) {
    if (spec.value === "verdict" && [...elements.values()].includes(name)) return true;
  }
  return false;
}

function addSet(table: FakeTable, spec: SetSpec): string | undefined {
  const present = table.sets.get(spec.name);
  if (!present) table.sets.set(spec.name, { spec, elements: new Map() });
  return present && JSON.stringify(present.spec) !== JSON.stringify(spec) ? "EEXIST" : undefined;
}

type ElementsCommand = Extract<Command, { op: "add-elements" | "delete-elements" }>;

const eachElement = ({ elements, valueLength }: ElementsCommand): SetElement[] =>
  elements.flatMap((element) => elementsOf(element, valueLength));

function addElements(table: FakeTable, command: ElementsCommand): string | undefined {
  const set = table.sets.get(command.set);
  if (!set) return "ENOENT";
  for (const { key, value } of eachElement(command)) {
    if (set.spec.value === "verdict" && !table.chains.has(value)) return "ENOENT";
    const present = set.elements.get(key);
    if (present !== undefined && present !== value) return "EEXIST";
    set.elements.set(key, value);
  }
  return undefined;
}

function deleteElements(table: FakeTable, command: ElementsCommand): string | undefined {
  const set = table.sets.get(command.set);
  if (!set) return "ENOENT";
  for (const { key } of eachElement(command)) if (!set.elements.delete(key)) return "ENOENT";
  return undefined;
}
