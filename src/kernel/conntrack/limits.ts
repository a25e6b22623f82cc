/** How many flows connection tracking keeps. Of the machine: network namespaces other than its first one cannot say. */
import { readFileSync, statSync, writeFileSync } from "node:fs";

const maximum = "/proc/sys/net/netfilter/nf_conntrack_max";
const hashSize = "/sys/module/nf_conntrack/parameters/hashsize";
const ownerMayWrite = 0o200;

/** Whether the limit may be set from here: elsewhere than in the machine's first network namespace the kernel makes it read-only. */
export function mayLimitFlows(): boolean {
  try {
    return (statSync(maximum).mode & ownerMayWrite) !== 0;
  } catch {
    return false;
  }
}

/** Makes the table at least this large; a larger one is left alone. Throws the error of node:fs. */
export function raiseFlowTable(buckets: number): void {
  if (Number(readFileSync(hashSize, "utf8")) < buckets) writeFileSync(hashSize, String(buckets));
}
