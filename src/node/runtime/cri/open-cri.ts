/** The agent's way to a containerd of the machine. */
import { Socket } from "node:net";
import type { Log } from "../../../lib/log.ts";
import type { DialPort } from "../../sandbox/port.ts";
import { cgroupParent } from "./cgroup-parent.ts";
import { CriClient } from "./client.ts";
import { CriRuntime } from "./cri-runtime.ts";
import { CriImages } from "./images.ts";

/** What the agent must be told of the machine, where containerd lives. */
export interface MachineConfig {
  readonly cluster: string;
  /** Before a path of the cluster, as the machine sees it: "/proc/4711/root". */
  readonly clusterRoot: string;
  /** Path of the node's network namespace, in the cluster. */
  readonly nodeNamespace: string;
  /** Of the machine's network namespace: where the agent makes sockets to it. */
  readonly network: string;
  /** Of the registry on the machine's loopback that has the cluster's images. */
  readonly registryPort: number;
  /** A folder in the machine's memory, for what Pods mount. */
  readonly memoryDir: string;
}

export interface CriOptions {
  readonly socket: string;
  readonly machine: MachineConfig;
  readonly nodeName: string;
  readonly nodeIps: readonly string[];
  readonly dataDir: string;
  readonly port: DialPort;
  readonly log: Log;
}

/** Rejects with one sentence when nobody answers at the socket. */
export async function openCri(
  options: CriOptions,
): Promise<{ readonly runtime: CriRuntime; readonly version: string }> {
  const { socket, machine, nodeName, nodeIps, dataDir, port, log } = options;
  const client = new CriClient(socket);
  const { runtimeName, runtimeVersion } = await client.call("version", {});
  const { info } = await client.call("status", { verbose: true });
  const runtime = await CriRuntime.open({
    client,
    images: new CriImages({ client, dataDir, ...machine }),
    place: { ...machine, node: nodeName, nodeIps, cgroupParent: cgroupParent(machine.cluster, info.config) },
    dial: (to) => new Socket({ fd: port.dialLoopback(machine.network, to) }),
    log,
  });
  return { runtime, version: `${runtimeName}://${runtimeVersion}` };
}
