/**
 * nf_tables as data: what can be said to the kernel in one transaction, and what can be read back.
 * `linux.ts` speaks netlink, `fake.ts` is memory with the same rules; `conformance.ts` holds both to them.
 */

/** Raw bytes as a string with one character (U+0000 to U+00FF) for each byte, so that keys compare and hash by value. */
export type Bytes = string;

export interface Table {
  readonly family: "ip" | "ip6";
  /** e.g. "fairlead". */
  readonly name: string;
}

/** Where a base chain is hooked in, e.g. `{ type: "nat", hook: "prerouting", priority: -100 }`. */
export interface BaseHook {
  readonly type: "nat" | "filter";
  readonly hook: "prerouting" | "input" | "forward" | "output" | "postrouting";
  readonly priority: number;
}

/** The kernel stores only lengths; the type is for those who print the set. */
export type FieldType = "ipv4_addr" | "ipv6_addr" | "inet_proto" | "inet_service" | "mark" | "classid";

export interface SetSpec {
  /** e.g. "services". */
  readonly name: string;
  /** Each field takes a multiple of 4 bytes of the key, e.g. `["ipv4_addr", "inet_proto", "inet_service"]` 12 bytes. */
  readonly key: readonly FieldType[];
  /** Absent for a plain set; "verdict" for a map of verdicts. */
  readonly value?: readonly FieldType[] | "verdict";
  /** Rules may add elements, which expire after `timeoutMs`; at most `size` of them. */
  readonly dynamic?: { readonly timeoutMs: number; readonly size: number };
}

export interface SetElement {
  readonly key: Bytes;
  /** A map's data, or for a verdict map the name of the chain that is gone to; "" in a plain set. */
  readonly value: Bytes;
}

/** Number of a 4-byte register, 0 to 15. An address takes one (IPv4) or four (IPv6) of them. */
export type Register = number;

export type Expression =
  | {
      readonly name: "payload";
      readonly to: Register;
      readonly base: "network" | "transport";
      readonly offset: number;
      readonly length: number;
    }
  | { readonly name: "meta"; readonly key: MetaKey; readonly to: Register }
  | { readonly name: "meta-set"; readonly key: "mark" | "priority"; readonly from: Register }
  | { readonly name: "ct"; readonly key: "state" | "status"; readonly to: Register }
  /** The type of the packet's address for this host (RTN_* of rtnetlink; 2 is "local"), host order. */
  | { readonly name: "fib-type"; readonly of: "saddr" | "daddr"; readonly to: Register }
  | { readonly name: "compare"; readonly from: Register; readonly is: "equal" | "unequal"; readonly value: Bytes }
  /** to = (from & mask) ^ xor. */
  | {
      readonly name: "bitwise";
      readonly from: Register;
      readonly to: Register;
      readonly mask: Bytes;
      readonly xor: Bytes;
    }
  | {
      readonly name: "lookup";
      readonly set: string;
      readonly from: Register;
      readonly to?: Register | "verdict";
      readonly absent?: true;
    }
  /** A random number from `offset` to `offset + modulus - 1`, host order. */
  | { readonly name: "random"; readonly to: Register; readonly modulus: number; readonly offset: number }
  | {
      readonly name: "dynamic-set";
      readonly action: "update" | "delete";
      readonly set: string;
      readonly key: Register;
      readonly data: Register;
      readonly timeoutMs?: number;
    }
  | { readonly name: "verdict"; readonly verdict: "accept" | "drop" | "return" }
  | { readonly name: "verdict"; readonly verdict: "jump" | "goto"; readonly chain: string }
  | { readonly name: "immediate"; readonly to: Register; readonly value: Bytes }
  | { readonly name: "dnat"; readonly address: Register; readonly port: Register }
  /** Source ports are chosen at random, which keeps parallel connections from clashing. */
  | { readonly name: "masquerade" }
  | { readonly name: "reject"; readonly how: "port-unreachable" | "tcp-reset" };

type MetaKey = "mark" | "priority" | "l4proto" | "iifname";

export type Rule = readonly Expression[];

export type Command =
  | { readonly op: "add-table"; readonly table: Table }
  | { readonly op: "delete-table"; readonly table: Table }
  | { readonly op: "add-chain"; readonly table: Table; readonly chain: string; readonly base?: BaseHook }
  | { readonly op: "flush-chain" | "delete-chain"; readonly table: Table; readonly chain: string }
  /** At the chain's end. */
  | { readonly op: "add-rule"; readonly table: Table; readonly chain: string; readonly rule: Rule }
  | { readonly op: "add-set"; readonly table: Table; readonly set: SetSpec }
  | {
      readonly op: "add-elements" | "delete-elements";
      readonly table: Table;
      readonly set: string;
      readonly values: "none" | "data" | "verdict";
      readonly elements: readonly SetElement[];
      /**
       * Length of one value. An element whose value is several of them stands for as many elements: the others' keys are numbered
       * on from its own (`keyBehind`).
       */
      readonly valueLength?: number | undefined;
    };

/** The kernel refused a transaction, of which nothing holds. */
export class TransactionError extends Error {
  /** e.g. "EEXIST". */
  readonly code: string;
  /** The first command that was refused; undefined when the whole transaction was (e.g. EPERM). */
  readonly command: Command | undefined;

  constructor(code: string, command: Command | undefined, detail?: string) {
    super(`Cannot ${command ? describeCommand(command) : "write nf_tables rules"}: ${detail ?? code} (${code})`);
    this.name = "TransactionError";
    this.code = code;
    this.command = command;
  }
}

/** e.g. `add-elements to services of table ip fairlead`. */
function describeCommand(command: Command): string {
  const table = `table ${command.table.family} ${command.table.name}`;
  if ("set" in command) {
    const set = typeof command.set === "string" ? command.set : command.set.name;
    return `${command.op} ${set} of ${table}`;
  }
  return "chain" in command ? `${command.op} ${command.chain} of ${table}` : `${command.op} (${table})`;
}

export interface Nftables {
  /** All commands or none, in order; throws TransactionError; its code is EMSGSIZE when the socket takes no message this big. */
  commit(commands: readonly Command[]): void;
  /** As `commit`, while this thread goes on; nothing else may be asked meanwhile. */
  commitInBackground(commands: readonly Command[]): Promise<void>;
  /** Undefined when there is no such table. */
  chains(table: Table): ReadonlySet<string> | undefined;
  /** Names of sets and maps; undefined when there is no such table. */
  sets(table: Table): ReadonlySet<string> | undefined;
  /** Elements that rules added (with a timeout) are left out. */
  elements(table: Table, set: string): readonly SetElement[];
  /** A number that every transaction of anyone in this network namespace changes. */
  generation(): number;
  close(): void;
}
