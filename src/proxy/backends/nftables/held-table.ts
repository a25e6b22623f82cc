/** The table in the kernel, and what of it must be known: chains, sets and marks; elements only from a look until they are used. Knows no Service. */
import { type Command, type Table, TransactionError } from "../../../kernel/nftables/port.ts";
import { type Context, isDynamicChain, nextChain } from "./chains.ts";
import { groupUnits, stepUnits, type Unit, unusedChainCommands } from "./commands.ts";
import type { Elements } from "./elements.ts";
import type { Layout } from "./markers.ts";
import type { Steps } from "./plan.ts";
import type { TrackedNftables } from "./tracked.ts";

const maxParts = 4096;
/** Nothing goes to them: no packet meets them. */
const maxUnusedChains = 64;

export class HeldTable {
  readonly #table: Table;
  readonly #nft: TrackedNftables;
  #observed: Elements | undefined = new Map();
  #layout = new Map<string, string>();
  #chains = new Set<string>();
  #sets = new Set<string>();
  #seenForeignChanges = 0;
  /** Into how many transactions a large one must be cut: more than one only where the send buffer is small. */
  #parts = 1;
  /** Time that the kernel worked, since `takeKernelMs`. */
  #kernelMs = 0;

  constructor(table: Table, nft: TrackedNftables) {
    this.#table = table;
    this.#nft = nft;
  }

  get table(): Table {
    return this.#table;
  }

  /** All elements, after a look until the next commit; then nothing but the commits has changed them. */
  get observed(): Elements | undefined {
    return this.#observed;
  }

  get layout(): Layout {
    return this.#layout;
  }

  get chains(): ReadonlySet<string> {
    return this.#chains;
  }

  get sets(): ReadonlySet<string> {
    return this.#sets;
  }

  takeKernelMs(): number {
    const kernelMs = this.#kernelMs;
    this.#kernelMs = 0;
    return kernelMs;
  }

  /** Somebody else wrote to nf_tables since we looked at the table. */
  isSuspect(): boolean {
    return this.#nft.foreignChanges() !== this.#seenForeignChanges;
  }

  /** Reads the whole table. */
  observe(): Elements {
    this.#seenForeignChanges = this.#nft.foreignChanges();
    this.#sets = new Set(this.#nft.kernel.sets(this.#table));
    this.#chains = new Set(this.#nft.kernel.chains(this.#table));
    const observed: Elements = new Map();
    for (const set of this.#sets) {
      if (set === "clients") continue;
      const held = this.#nft.kernel.elements(this.#table, set).map(({ key, value }): [string, string] => [key, value]);
      observed.set(set, new Map(held));
    }
    this.#layout = new Map(observed.get("layout"));
    this.#observed = observed;
    return observed;
  }

  /** The next commit's head makes the table anew, with these chains and no elements. */
  expectNew(chains: readonly string[]): void {
    this.#observed = new Map();
    this.#layout = new Map();
    this.#chains = new Set(chains);
    this.#sets = new Set();
  }

  /** In one transaction, while this thread goes on. Nothing else may be asked of the table meanwhile. */
  async fill(head: readonly Unit[], steps: Steps, context: Context): Promise<void> {
    const units = [...head, ...stepUnits(steps, this.#table, context, this)];
    await this.#nft.commitInBackground(units.flat());
    this.#note(units, steps);
  }

  /** In one transaction; in several where the socket takes no message this large (an ordinary user's send buffer). */
  commit(head: readonly Unit[], steps: Steps, context: Context): void {
    const units = [...head, ...stepUnits(steps, this.#table, context, this)];
    for (;;) {
      try {
        for (const group of groupUnits(units, this.#parts)) this.#send(group);
        break;
      } catch (error) {
        const isTooLong = error instanceof TransactionError && error.code === "EMSGSIZE";
        if (!isTooLong || this.#parts >= maxParts) throw error;
        this.#parts *= 2;
      }
    }
    this.#note(units, steps);
  }

  /** What holds now. */
  #note(units: readonly Unit[], steps: Steps): void {
    for (const command of units.flat()) {
      if (command.op === "add-chain") this.#chains.add(command.chain);
      if (command.op === "add-set") this.#sets.add(command.set.name);
    }
    for (const { set, added, replaced, removed } of steps) {
      if (set !== "layout") continue;
      for (const { key } of removed) this.#layout.delete(key);
      for (const { key, value } of [...added, ...replaced]) this.#layout.set(key, value);
    }
    this.#observed = undefined;
  }

  /**
   * For a quiet moment, and only when there are many: the rule of a chain that is made is bound to a map, and the kernel walks all of
   * that, 17 ms at 10,000 Services; and a number of endpoints that a Service had comes again.
   */
  removeUnusedChains(inUse: Iterable<string>): void {
    const needed = new Set(inUse);
    for (const chain of [...needed]) {
      const next = nextChain(chain);
      if (next) needed.add(next);
    }
    const unused = [...this.#chains].filter((chain) => isDynamicChain(chain) && !needed.has(chain));
    if (unused.length <= maxUnusedChains) return;
    this.#nft.commit(unusedChainCommands(this.#table, unused));
    for (const chain of unused) this.#chains.delete(chain);
  }

  remove(): void {
    if (this.#nft.kernel.sets(this.#table)) this.#nft.commit([{ op: "delete-table", table: this.#table }]);
    this.observe();
  }

  #send(commands: readonly Command[]): void {
    const start = performance.now();
    this.#nft.commit(commands);
    this.#kernelMs += performance.now() - start;
  }
}
