/** Whether the tables that were before nf_tables are in use: asking their own program would load them. */
import { readFileSync } from "node:fs";

/** In the network namespace that the thread is in. */
export function hasLegacyTables(): boolean {
  return ["ip", "ip6"].some((family) => {
    try {
      return /^nat$/m.test(readFileSync(`/proc/thread-self/net/${family}_tables_names`, "utf8"));
    } catch {
      return false;
    }
  });
}
