/**
 * The eBPF data plane: sockets of the node and its Pods are connected to endpoints at once; all other traffic, and what a socket
 * cannot do, is left to packet rules (the nftables data plane), which hold every Service too.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { bpffsPath, ensureBpffs } from "../../../kernel/bpf/bpffs.ts";
import { type Cgroup, nodeCgroup } from "../../../kernel/bpf/cgroup.ts";
import { netnsCookie } from "../../../kernel/bpf/netns-cookie.ts";
import { type EbpfSupport, probeServicePrograms } from "../../../kernel/bpf/service-programs.ts";
import { createNftablesDataPlane } from "../nftables/plane.ts";
import type { Changes, DataPlane, FamilyReport, Report } from "../port.ts";
import { BpfPlane, type Outcome } from "./bpf-plane.ts";

export interface EbpfOptions {
  /** Takes what sockets do not. Default: the nftables data plane of the thread's network namespace. */
  readonly packets?: DataPlane;
  /** Default: the node's own, or the root. */
  readonly cgroup?: Cgroup;
  /** A bpffs; "" keeps nothing over a restart. Default: /sys/fs/bpf, mounted where it is not. */
  readonly bpffs?: string;
  /** Cookies of network namespaces whose processes are this node's too, where the cgroup does not tell. */
  readonly namespaces?: () => readonly bigint[];
}

/** Whether this machine allows it; the reason is a part of a sentence. */
export function probeEbpf(): EbpfSupport {
  return probeServicePrograms();
}

/** Throws RangeError where there is no cgroup2 hierarchy, and SystemError where the kernel refuses. */
export function createEbpfDataPlane(options: EbpfOptions = {}): DataPlane {
  const packets = options.packets ?? createNftablesDataPlane();
  const cgroup = options.cgroup ?? nodeCgroup();
  if (!cgroup) throw new RangeError("Cannot use eBPF: no cgroup2 hierarchy is mounted");
  const node = netnsCookie();
  const { namespaces = () => [] } = options;
  const folder = pinFolder(options.bpffs ?? bpffsPath, node);
  const sockets = new BpfPlane({ cgroup, node, folder, namespaces });
  return {
    mode: "ebpf",
    async adopt() {
      return { ...(await packets.adopt()), sockets: sockets.adopt(), pins: folder ?? "none" };
    },
    async sync(changes: Changes): Promise<Report> {
      // The packet rules first: what sockets do not know yet is already served.
      const report = await packets.sync(changes);
      return withSockets(report, sockets.sync(changes));
    },
    async verify(): Promise<Report | undefined> {
      const [report, outcome] = [await packets.verify(), sockets.verify()];
      return outcome ? withSockets(report ?? { families: [] }, outcome) : report;
    },
    async remove() {
      sockets.remove();
      await packets.remove();
    },
    close() {
      sockets.close();
      packets.close();
    },
  };
}

/** One folder for each node: several share a machine in a simulated cluster. Undefined where there can be no bpffs. */
function pinFolder(bpffs: string, node: bigint): string | undefined {
  if (bpffs === "") return undefined;
  try {
    ensureBpffs(bpffs);
  } catch {
    return undefined;
  }
  const folder = join(bpffs, `fairlead-${node.toString(16)}`);
  mkdirSync(folder, { recursive: true });
  return folder;
}

const nothing = { added: 0, removed: 0, kernelMs: 0, durationMs: 0, refused: [] };

/** The maps hold both families: their elements are counted with the first. */
function withSockets({ families }: Report, { added, removed, error }: Outcome): Report {
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
