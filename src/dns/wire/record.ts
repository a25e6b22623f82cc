/** Records as data. Names are keys (see name.ts). */
import { TYPE } from "./constants.ts";

export type RecordData =
  | { readonly type: "A" | "AAAA"; readonly address: Uint8Array }
  | { readonly type: "CNAME" | "PTR" | "NS"; readonly name: string }
  | {
      readonly type: "SRV";
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | { readonly type: "MX"; readonly preference: number; readonly exchange: string }
  | { readonly type: "TXT"; readonly text: string }
  | {
      readonly type: "SOA";
      readonly primary: string;
      readonly mailbox: string;
      /** serial, refresh, retry, expire, minimum. */
      readonly numbers: readonly [number, number, number, number, number];
    }
  /** Any other type, whose data hold no compressed name (RFC 3597 section 4). */
  | { readonly type: "other"; readonly number: number; readonly bytes: Uint8Array };

export interface DnsRecord {
  readonly name: string;
  readonly ttlSec: number;
  readonly data: RecordData;
}

export function typeNumber(data: RecordData): number {
  return data.type === "other" ? data.number : TYPE[data.type];
}
