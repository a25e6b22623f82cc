/**
 * The eBPF data plane: sockets of the node and its Pods are connected to endpoints at once; all other traffic, and what a socket
 * cannot do, is left to packet rules (the nftables data plane), which hold every Service too.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { bpffsPath, ensureBpffs, isBpffs } from "../../../kernel/bpf/bpffs.ts";
import { type Cgroup, nodeCgroup } from "../../../kernel/bpf/cgroup.ts";
import { removePins } from "../../../kernel/bpf/collection.ts";
import { netnsCookie } from "../../../kernel/bpf/netns-cookie.ts";
import { type EbpfSupport, probeServicePrograms } from "../../../kernel/bpf/service-programs.ts";
import { createNftablesDataPlane } from "../nftables/plane.ts";
import type { Changes, DataPlane, FamilyReport, Report } from "../port.ts";
import { BpfPlane, type Outcome } from "./bpf-plane.ts";
import { NodeNetwork } from "./node-network.ts";

export interface EbpfOptions {
  /** Takes what sockets do not. Default: the nftables data plane of the thread's network namespace. */
  readonly packets?: DataPlane;
  /** Default: the node's own, or the root. */
  readonly cgroup?: Cgroup;
  /** A bpffs; "" keeps nothing over a restart. Default: /sys/fs/bpf, mounted where it is not. */
  readonly bpffs?: string;
  /** Cookies of network namespaces whose processes are this node's too, where the cgroup does not tell. */
  readonly namespaces?: () => readonly bigint[];
  /** From the end of a look at all elements of the maps to the next; default a minute. */
  readonly restMs?: number;
}

/** Whether this machine allows it; the reason is a part of a sentence. */
export function probeEbpf(): EbpfSupport {
  return probeServicePrograms();
}

/** For the network namespace that the thread is in. Throws RangeError where there is no cgroup2 hierarchy. */
export function createEbpfDataPlane(options: EbpfOptions = {}): DataPlane {
  const { packets = createNftablesDataPlane(), cgroup = nodeCgroup(), namespaces = () => [] } = options;
  if (!cgroup) throw new RangeError("Cannot use eBPF: no cgroup2 hierarchy is mounted");
  const { bpffs = bpffsPath, restMs = 60_000 } = options;
  const node = netnsCookie();
  const network = new NodeNetwork();
  // One folder for each node: several share a machine in a simulated cluster.
  const folder = join(bpffs, `fairlead-${node.toString(16)}`);
  let made: BpfPlane | undefined;
  let isClosed = false;
  // Not before it is needed: to remove what there is, nothing must be made.
  const bpf = (): BpfPlane => {
    if (made) return made;
    const isPinned = bpffs !== "" && makeFolder(bpffs, folder);
    made = new BpfPlane({ cgroup, network, node, folder: isPinned ? folder : undefined, namespaces, restMs });
    return made;
  };
  return {
    mode: "ebpf",
    ...(packets.prepare ? { prepare: packets.prepare } : {}),
    families: packets.families,
    async adopt() {
      const found = await packets.adopt();
      return { ...found, programs: isBpffs(bpffs) && existsSync(folder) ? bpf().adopt() : 0 };
    },
    async sync(changes: Changes): Promise<Report> {
      // The packet rules first: what the programs do not know yet is already served.
      const report = await packets.sync(changes);
      return withPrograms(report, bpf().sync(changes));
    },
    async verify(): Promise<Report | undefined> {
      const [report, outcome] = [await packets.verify(), made?.verify()];
      return outcome ? withPrograms(report ?? { families: [] }, outcome) : report;
    },
    async remove() {
      made?.remove();
      made = undefined;
      if (isBpffs(bpffs)) removePins(folder);
      await packets.remove();
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      made?.close();
      // What is pinned can be removed without it.
      made = undefined;
      network.close();
      packets.close();
    },
  };
}

/** False where there can be no bpffs. */
function makeFolder(bpffs: string, folder: string): boolean {
  try {
    ensureBpffs(bpffs);
  } catch {
    return false;
  }
  mkdirSync(folder, { recursive: true });
  return true;
}

const nothing = { added: 0, removed: 0, kernelMs: 0, durationMs: 0, refused: [] };

/** The maps hold both families: their elements are counted with the first. */
function withPrograms({ families }: Report, { added, removed, error }: Outcome): Report {
  const [first = { family: "IPv4", ...nothing } satisfies FamilyReport, ...others] = families;
  const failure = first.error ?? error;
  return {
    families: [
      {
        ...first,
        added: first.added + added,
        removed: first.removed + removed,
        ...(failure ? { error: failure } : {}),
      },
      ...others,
    ],
  };
}
