/** iptables as the proxy needs it: a table's text out, a transaction's text in. */
import type { IpFamily } from "../../net/ip.ts";

export type TableName = "mangle" | "nat" | "filter";
export const tableNames: readonly TableName[] = ["mangle", "nat", "filter"];

export interface Iptables {
  readonly family: IpFamily;
  /** "nft" writes to nf_tables, "legacy" to the tables that were before it; a node must not mix them. */
  readonly variant: "nft" | "legacy";
  /** The table in the form of iptables-save(8). */
  save(table: TableName): Promise<string>;
  /** The same with each rule's counters before it: "[packets:bytes] -A …". */
  saveCounted(table: TableName): Promise<string>;
  /** Carries out text in the form of iptables-restore(8) without flushing what it does not name. Each COMMIT is a transaction. Throws IptablesError. */
  restore(text: string): Promise<void>;
  /** A number that changes with each change of the rules, by whomever; undefined where the kernel has none (legacy). */
  generation(): number | undefined;
  /** Runs the synchronous body in the network namespace that was the thread's at the opening. */
  inside<T>(body: () => T): T;
  close(): void;
}

/** The program refused; the message names the line of the text. */
export class IptablesError extends Error {
  readonly code = "IPTABLES";
  /** The line that it refused, if it said which. */
  readonly line: string | undefined;

  constructor(message: string, line?: string) {
    super(message);
    this.line = line;
  }
}
