/** What a Service port, or the settings, want in a chain. A chain is all that is wanted in it, by rank, then by text. */
import type { TableName } from "../../../kernel/iptables/port.ts";
import type { IpFamily } from "../../../net/ip.ts";
import type { Settings } from "../port.ts";

export interface Contribution {
  readonly table: TableName;
  readonly chain: string;
  readonly rank: number;
  /** As iptables-save(8) would print it after "-A CHAIN ". Several may want the same rule: it is there once. */
  readonly rule: string;
}

export interface Context {
  readonly family: IpFamily;
  readonly settings: Settings;
}

/** Adds rules to one chain of one table. */
export const into =
  (table: TableName, chain: string) =>
  (rank: number, rule: string): Contribution => ({ table, chain, rank, rule });

/** e.g. "10.96.0.1/32". */
export function host(address: string): string {
  return `${address}/${address.includes(":") ? 128 : 32}`;
}

/** Sets the bit that asks for masquerade and keeps the others. */
export function markTarget({ masqueradeBit }: Settings): string {
  const bit = hex(2 ** masqueradeBit);
  return `-j MARK --set-xmark ${bit}/${bit}`;
}

export const hex = (value: number): string => `0x${value.toString(16)}`;
