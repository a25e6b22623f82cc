/** Programs that the mode ebpf left when the node went over to another mode. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { bpffsPath, isBpffs } from "../../../kernel/bpf/bpffs.ts";
import { Collection, removePins } from "../../../kernel/bpf/collection.ts";
import type { BpfMap } from "../../../kernel/bpf/map.ts";
import { netnsCookie } from "../../../kernel/bpf/netns-cookie.ts";
import { servicePrograms } from "../../../kernel/bpf/service-programs.ts";
import type { Leftover } from "../leftovers.ts";
import { read } from "./layout.ts";

/** A connection from outside that was silent for longer is given up. */
const idleNs = 3_600_000_000_000n;

/** Of the node whose network namespace the thread is in. */
export function leftoverPrograms(bpffs = bpffsPath): Leftover | undefined {
  const folder = join(bpffs, `fairlead-${netnsCookie().toString(16)}`);
  if (!isBpffs(bpffs) || !existsSync(folder)) return undefined;
  return { mode: "ebpf", retire: async () => retire(folder) };
}

/**
 * Without its Services the programs take no new connection. Those from outside have no other translation than theirs, so
 * they stay until none of these is left; sockets are connected to endpoints already.
 */
function retire(folder: string): boolean {
  const left = new Collection({ object: servicePrograms(), folder, markerMap: "settings_map", accepts: () => true });
  try {
    if (left.adopted) {
      for (const name of ["services", "outside"]) clear(left.maps.get(name));
      const now = process.hrtime.bigint();
      const isOpen = (value: string) => read.usedAtNs(value) > 0n && now - read.usedAtNs(value) < idleNs;
      if (
        left.maps
          .get("returns")
          ?.entries()
          .some(({ value }) => isOpen(value))
      )
        return false;
    }
  } finally {
    left.close();
  }
  removePins(folder);
  return true;
}

function clear(map: BpfMap | undefined): void {
  map?.deleteAll(map.entries().map(({ key }) => key));
}
