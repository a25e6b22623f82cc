/** What a cluster needs of the machine when containerd runs its images: images by a registry, memory that both see, and an end. */
import { closeSync, mkdirSync, openSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../lib/log.ts";
import { socketOf } from "../../node/runtime/cri/names.ts";
import type { ClusterConfig } from "../cluster.ts";

/** The machine's own folder in memory. */
const memoryRoot = "/run/fairlead";

export interface MachineRuntime {
  /** What agents are told beside the cluster's facts. */
  facts(holderPid: number): MachineFacts;
  /** Of the machine's network namespace, for agents. */
  readonly networkFd: number;
  close(): Promise<void>;
}

export interface MachineFacts {
  readonly clusterRoot: string;
  readonly registryPort: number;
  readonly memoryDir: string;
}

type Which = Pick<ClusterConfig, "id" | "containerRuntime">;

const memoryOf = ({ id }: Which): string => join(memoryRoot, id);

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Another cluster has its own there.
  }
}

/** Removes what a cluster has in containerd, which does not end with it; call it when its agents have ended. */
export async function removeMachineRemains(cluster: Which): Promise<void> {
  const socket = socketOf(cluster.containerRuntime);
  if (socket === undefined) return;
  const { removeCluster } = await import("../../node/runtime/cri/remove-cluster.ts");
  try {
    await removeCluster(socket, cluster.id);
  } finally {
    rmSync(memoryOf(cluster), { recursive: true, force: true });
    removeEmpty(memoryRoot);
  }
}

/** Undefined when the cluster's images are run by something of its own. */
export async function startMachineRuntime(config: ClusterConfig, log: Log): Promise<MachineRuntime | undefined> {
  if (socketOf(config.containerRuntime) === undefined) return undefined;
  const { serveRegistry } = await import("../../node/images/content/registry-server.ts");
  const registry = await serveRegistry(config.dataDir);
  const networkFd = openSync("/proc/self/ns/net", "r");
  const memoryDir = memoryOf(config);
  mkdirSync(memoryDir, { recursive: true, mode: 0o711 });
  return {
    facts: (holderPid) => ({ clusterRoot: `/proc/${holderPid}/root`, registryPort: registry.port, memoryDir }),
    networkFd,
    async close() {
      registry.close();
      closeSync(networkFd);
      await removeMachineRemains(config).catch((error: unknown) =>
        log.warn("containerd keeps Pods of the cluster", { error }),
      );
    },
  };
}
