/** The API server and nodes for its proxies, inside the namespaces that ../proxy.ts made, which take everything with them when they end. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ApiClient } from "../../src/client/client.ts";
import { loadKubeconfig } from "../../src/client/kubeconfig.ts";
import { createClient } from "../../src/client/rest.ts";
import { bpffsPath } from "../../src/kernel/bpf/bpffs.ts";
import { cgroupMount, joinNodeCgroup } from "../../src/kernel/bpf/cgroup.ts";
import { hasCode, mount } from "../../src/kernel/ffi.ts";
import { mountTmpfs } from "../../src/kernel/mount.ts";
import { createLog } from "../../src/lib/log.ts";
import { startInformers } from "../../src/proxy/informers.ts";
import { apiAddress, type BenchNode, buildTraffic, createNode, startPods } from "./network.ts";
import { addNode } from "./objects.ts";

export interface Lab {
  readonly client: ApiClient;
  /** Kubeconfig of a proxy. */
  readonly kubeconfig: string;
  /** All Pods. */
  readonly serverPid: number;
}

export async function openLab(): Promise<Lab> {
  for (const folder of ["/run", "/tmp"]) mountTmpfs(folder);
  mountBpffs();
  buildTraffic();
  const serverPid = await startPods();
  const api = fork(join(import.meta.dirname, "api-server.ts"), ["/run/api", apiAddress]);
  const [kubeconfigs] = (await once(api, "message")) as [{ admin: string; proxy: string }];
  const log = createLog(undefined, { level: "error" });
  const client = createClient(await loadKubeconfig(kubeconfigs.admin), { userAgent: "bench", log });
  return { client, kubeconfig: kubeconfigs.proxy, serverPid };
}

/** Of our own: what a data plane pins goes with us. Where an ordinary user may not, there is no eBPF either. */
function mountBpffs(): void {
  try {
    mount(bpffsPath, { source: "bpf", type: "bpf", data: "mode=0700" });
  } catch (error) {
    if (!hasCode(error, "EPERM", "ENOENT", "ENODEV")) throw error;
  }
}

export async function createLabNode({ client }: Lab): Promise<BenchNode> {
  const node = createNode();
  await addNode(client, node.name, node.address);
  // Socket programs are of a cgroup: what starts from now on is of this node.
  if (cgroupMount() !== undefined) joinNodeCgroup(`bench-${process.argv[2]}`, node.name);
  return {
    ...node,
    remove() {
      node.remove();
      const pinned = readdirSync(bpffsPath).filter((name) => name.startsWith("fairlead-"));
      for (const folder of pinned) rmSync(join(bpffsPath, folder), { recursive: true });
    },
  };
}

/**
 * Asks for all Services and slices as a proxy does, and returns the seconds: what the server makes once for all that ask is not to
 * be counted among the time of the proxy that asks first.
 */
export async function askOnce({ client }: Lab): Promise<number> {
  const end = new AbortController();
  const start = performance.now();
  const log = createLog(undefined, { level: "error" });
  const { services, slices } = startInformers({ client, nodeName: "nobody", log, signal: end.signal });
  await Promise.all([services.synced, slices.synced]);
  end.abort();
  return (performance.now() - start) / 1000;
}
